/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-call.h"
#include "bus-caller.h"
#include "failure-dbus.h"
#include "hash.h"
#include "json-build.h"
#include "log.h"
#include "reply-json.h"
#include "request.h"
#include "varlink-idl.h"

struct BusCall {
        BusService *service;
        uid_t uid;
        BusCost cost;
        sd_bus_message *message;
        Operation *operation; /* while it is under way */
        bus_reply_t reply;
        BusCall *prev, *next;
};

static BusCall *bus_call_free(BusCall *c) {
        BusCall **calls, **next;

        if (!c)
                return NULL;

        next = bus_service_get_next_call(c->service);
        if (*next == c)
                *next = c->next;

        calls = bus_service_get_calls(c->service);
        DL_DELETE(*calls, c);
        bus_usage_remove(bus_service_get_usage(c->service), c->uid, &c->cost);
        (void) sd_bus_message_unref(c->message);
        return mfree(c);
}
DEFINE_TRIVIAL_CLEANUP_FUNC(BusCall *, bus_call_free);

void bus_parameters_done(BusParameters *p) {
        assert(p);

        (void) json_object_put(p->object);
        p->object = NULL;
        bus_fds_done(&p->fds);
}

int bus_parameters_read(BusParameters *p, sd_bus_message *m) {
        int r;

        assert(p);
        assert(!p->object);

        r = bus_json_read(m, &p->fds, &p->object);
        return r == -E2BIG ? -EINVAL : r;
}

int bus_parameters_add(BusParameters *p, const char *name, json_object *value) {
        assert(p);
        assert(p->object);

        if (!value)
                return -ENOMEM;

        if (json_object_object_get_ex(p->object, name, NULL)) {
                (void) json_object_put(value);
                return -EINVAL;
        }

        if (json_object_object_add(p->object, name, value) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }

        return 0;
}

int bus_reply_empty(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        return 0;
}

static int send_reply(BusCall *c, const Operation *op) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_json_ json_object *o = NULL;
        int fds[REPLY_FDS_MAX], r;
        size_t n_fds;

        r = operation_to_json(op, &o, fds, &n_fds);
        if (r < 0)
                return r;

        r = sd_bus_message_new_method_return(c->message, &reply);
        if (r < 0)
                return r;

        r = c->reply(reply, op, o, fds, n_fds);
        if (r < 0)
                return r;

        return sd_bus_send(NULL, reply, NULL);
}

static void on_done(Operation *op, const Failure *failure, void *userdata) {
        _cleanup_(bus_call_freep) BusCall *c = ASSERT_PTR(userdata);
        int r;

        c->operation = NULL;

        if (failure)
                r = failure_reply_dbus(failure, c->message);
        else {
                r = send_reply(c, op);
                if (r < 0)
                        r = sd_bus_reply_method_errno(c->message, r, NULL);
        }
        if (r < 0)
                log_debug_errno(r, "Failed to answer %s: %m", strna(sd_bus_message_get_member(c->message)));
}

void bus_calls_cancel(BusService *s, const char *bus_name) {
        BusCall *c, **next = bus_service_get_next_call(s);

        /* To cancel one may end it at once, and with its box any other: see bus_call_free(). */
        for (c = *bus_service_get_calls(s); c; c = *next) {
                *next = c->next;
                if (c->operation && (!bus_name || streq_ptr(sd_bus_message_get_sender(c->message), bus_name)))
                        operation_cancel(c->operation);
        }
}

static int take_fd(int64_t index, void *userdata) {
        return bus_fds_take(userdata, index);
}

/* 0, a negative errno, or a Failure. */
static int parse(BusService *s, Operation *op, BusParameters *p, Failure *f) {
        _cleanup_free_ char *field = NULL;
        const VarlinkSymbol *method;
        int r;

        method = varlink_idl_find_method(bus_service_get_idl(s), operation_type_to_method(op->type));
        assert(method);

        r = varlink_idl_check_parameters(method, p->object, &field);
        if (r == -EINVAL)
                return failure_set_field(f, strempty(field), "unknown, missing or of another type");
        if (r < 0)
                return r;

        r = request_parse(op, p->object, &(RequestFds) { .take = take_fd, .userdata = &p->fds }, f);
        if (r == 0 && request_is_streamed(&op->request))
                return failure_set_field(f, "stream", "Only over varlink; over D-Bus, send a pipe.");
        return r;
}

int bus_call_start(BusService *s, sd_bus_message *m, OperationType type, BusParameters *p, bus_reply_t reply) {
        _cleanup_(operation_freep) Operation *op = NULL;
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        _cleanup_(bus_call_freep) BusCall *c = NULL;
        BusBound bound;
        BusCost cost;
        Caller caller;
        int r;

        assert(s);
        assert(m);
        assert(p);
        assert(reply);

        cost = (BusCost) { .run = type == OPERATION_RUN, .n_fds = p->fds.n_fds, .n_bytes = p->fds.n_bytes };

        r = bus_callers_get(bus_service_get_callers(s), m, &caller);
        if (r < 0)
                return r;

        r = bus_usage_add(bus_service_get_usage(s), caller.uid, &cost, &bound);
        if (r == 0)
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_LIMITS_EXCEEDED, "No more than %u %s at a time.",
                                                  bound.max, bound.of);
        if (r < 0)
                return r;

        c = new(BusCall, 1);
        if (!c) {
                bus_usage_remove(bus_service_get_usage(s), caller.uid, &cost);
                return -ENOMEM;
        }

        *c = (BusCall) {
                .service = s,
                .uid = caller.uid,
                .cost = cost,
                .message = sd_bus_message_ref(m),
                .reply = reply,
        };
        DL_APPEND(*bus_service_get_calls(s), c);

        r = operation_new(bus_service_get_manager(s), type, &caller, on_done, c, &op);
        if (r < 0)
                return r;

        r = parse(s, op, p, &f);
        if (r < 0)
                return r;
        if (r > 0)
                return failure_reply_dbus(&f, m);

        c->operation = op;
        (void) TAKE_PTR(c);
        operation_start(TAKE_PTR(op));
        return 1;
}

int bus_reply_run(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        json_object *result;
        int r;

        if (!json_object_object_get_ex(o, "result", &result))
                return -EBADMSG;

        r = bus_json_append(reply, result, NULL, 0);
        if (r < 0)
                return r;

        json_object_object_del(o, "result");
        return bus_json_append(reply, o, fds, n_fds);
}

int bus_run_start(BusService *s, sd_bus_message *m, uid_t owner, const char *box) {
        _cleanup_(bus_parameters_done) BusParameters p = {};
        _cleanup_json_ json_object *arguments = NULL;
        int r;

        r = bus_json_read_array(m, "s", &p.fds, &arguments);
        if (r < 0)
                return r == -E2BIG ? -EINVAL : r;

        r = bus_parameters_read(&p, m);
        if (r < 0)
                return r;

        r = bus_parameters_add(&p, "arguments", TAKE_PTR(arguments));
        if (r >= 0 && box)
                r = bus_parameters_add(&p, "box", json_object_new_string(box));
        if (r >= 0 && box)
                r = bus_parameters_add(&p, "owner", json_object_new_int64((int64_t) owner));
        if (r < 0)
                return r;

        return bus_call_start(s, m, OPERATION_RUN, &p, bus_reply_run);
}
