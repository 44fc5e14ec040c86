/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-hold.h"
#include "box-varlink.h"
#include "failure-varlink.h"
#include "json-build.h"
#include "log.h"
#include "monitor.h"
#include "operation.h"
#include "reply-json.h"
#include "request.h"
#include "streamed-run.h"
#include "varlink-interfaces.h"

#define INTERFACE "org.judgebox.Manager"

static int reply(VarlinkCall *c, const Operation *op) {
        json_object *o;
        int fds[REPLY_FDS_MAX], r;
        size_t n_fds;

        r = operation_to_json(op, &o, fds, &n_fds);
        if (r < 0)
                return varlink_call_error_errno(c, r);

        return varlink_call_reply_with_fds(c, o, fds, n_fds);
}

/* Sent before the run can begin: whoever was told of none can ask for it again. */
static void on_started(Operation *op, void *userdata) {
        VarlinkCall *c = ASSERT_PTR(userdata);
        json_object *o;
        int r;

        r = started_to_json(op, &o);
        if (r >= 0)
                r = varlink_call_notify(c, o, NULL, 0);
        if (r < 0 && r != -ECONNRESET)
                log_debug_errno(r, "Failed to tell of a run: %m");
}

static void list_end(VarlinkCall *c, Listing *l) {
        (void) listing_free(l);
        varlink_call_set_userdata(c, NULL);
        (void) varlink_call_unref(c);
}

static void on_list_disconnect(VarlinkCall *c, void *userdata) {
        list_end(c, userdata);
}

/* A page at a time, each when the one before is gone: others are served in between, and who does not read holds up
 * nobody. */
static void on_list_drained(VarlinkCall *c, void *userdata) {
        Listing *l = ASSERT_PTR(userdata);
        json_object *o = json_object_new_object(), *entries = NULL;
        int r;

        r = o ? listing_read(l, &entries) : -ENOMEM;
        json_add(&r, o, "entries", entries);
        if (r < 0) {
                (void) json_object_put(o);
                (void) varlink_call_error_errno(c, r);
                list_end(c, l);
                return;
        }

        if (listing_is_at_end(l)) {
                (void) varlink_call_reply(c, o);
                list_end(c, l);
                return;
        }

        r = varlink_call_notify(c, o, NULL, 0);
        if (r >= 0)
                varlink_call_on_drained(c, on_list_drained);
        else if (IN_SET(r, -EPROTO, -E2BIG)) {
                /* Else the connection is gone, or about to be: that ends it, too. */
                (void) varlink_call_error_errno(c, r);
                list_end(c, l);
        }
}

static void on_done(Operation *op, const Failure *failure, void *userdata) {
        VarlinkCall *c = ASSERT_PTR(userdata);
        int r;

        /* The call is over: its caller's going away means nothing to this operation any more. */
        varlink_call_set_userdata(c, NULL);

        /* Whoever has gone is told nothing, and what goes on would never end. */
        if (!failure && op->canceled) {
                (void) varlink_call_unref(c);
                return;
        }

        if (!failure && op->type == OPERATION_MONITOR) {
                r = monitor_new(c, op);
                if (r < 0 && r != -ECONNRESET)
                        (void) varlink_call_error_errno(c, r);
                (void) varlink_call_unref(c);
                return;
        }

        if (!failure && op->listing && varlink_call_wants_more(c)) {
                varlink_call_set_userdata(c, op->listing);
                varlink_call_set_disconnect_handler(c, on_list_disconnect);
                op->listing = NULL;
                varlink_call_on_drained(c, on_list_drained);
                return;
        }

        r = failure ? failure_reply_varlink(failure, c) : reply(c, op);
        if (r < 0 && r != -ECONNRESET)
                log_debug_errno(r, "Failed to answer %s: %m", varlink_call_get_method(c));

        (void) varlink_call_unref(c);
}

static void on_disconnect(VarlinkCall *c, void *userdata) {
        if (userdata)
                operation_cancel(userdata);
}

static int take_fd(int64_t index, void *userdata) {
        return varlink_call_take_fd(userdata, index);
}

static int start(Manager *m, OperationType type, VarlinkCall *c, json_object *parameters) {
        _cleanup_(operation_freep) Operation *op = NULL;
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        const VarlinkPeer *peer = varlink_call_get_peer(c);
        Caller caller = {
                .uid = peer->uid,
                .gid = peer->gid,
                .pid = peer->pid,
                .pidfd = peer->pidfd,
                .groups = peer->groups,
                .n_groups = peer->n_groups,
                .connection = peer->connection,
        };
        int r;

        r = operation_new(m, type, &caller, on_done, c, &op);
        if (r < 0)
                return r;

        r = request_parse(op, parameters, &(RequestFds) { .take = take_fd, .userdata = c }, &f);
        if (r < 0)
                return r;
        if (r > 0)
                return failure_reply_varlink(&f, c);

        /* Without its number nobody could ever collect it. */
        if (op->request.spec.keep && !varlink_call_wants_more(c))
                return varlink_call_error(c, VARLINK_ERROR_EXPECTED_MORE, NULL);

        if (request_is_streamed(&op->request)) {
                if (!varlink_call_wants_more(c))
                        return varlink_call_error(c, VARLINK_ERROR_EXPECTED_MORE, NULL);

                r = streamed_run_new(c, op);
                if (r < 0)
                        return r;
                operation_start(TAKE_PTR(op));
                return 0;
        }

        if (varlink_call_wants_more(c))
                op->started = on_started;

        (void) varlink_call_ref(c);
        varlink_call_set_userdata(c, op);
        varlink_call_set_disconnect_handler(c, on_disconnect);
        operation_start(TAKE_PTR(op));
        return 0;
}

static int on_method(VarlinkCall *c, json_object *parameters, void *userdata) {
        OperationType t = operation_type_from_method(strrchr(varlink_call_get_method(c), '.') + 1);

        assert(t >= 0);
        return start(ASSERT_PTR(userdata), t, c, parameters);
}

static int on_get_status(VarlinkCall *c, json_object *parameters, void *userdata) {
        json_object *o;
        int r;

        r = manager_to_json(ASSERT_PTR(userdata), varlink_call_get_peer(c)->uid, &o);
        return r < 0 ? varlink_call_error_errno(c, r) : varlink_call_reply(c, o);
}

static void on_closed(VarlinkServer *s, uint64_t connection, void *userdata) {
        manager_connection_closed(ASSERT_PTR(userdata), connection, /* bus_name= */ NULL);
}

int manager_serve_varlink(Manager *m, VarlinkServer *server) {
        int r;

        assert(m);
        assert(server);

        r = varlink_server_add_interface(server, varlink_interface_org_judgebox_Manager);
        if (r < 0)
                return r;

        varlink_server_set_closed_handler(server, on_closed, m);

        for (OperationType t = 0; t < _OPERATION_TYPE_MAX; t++) {
                char method[64];

                (void) snprintf(method, sizeof(method), INTERFACE ".%s", operation_type_to_method(t));
                r = varlink_server_bind_method_full(
                                server, method, t == OPERATION_MONITOR ? VARLINK_METHOD_REQUIRES_MORE : 0, on_method, m);
                if (r < 0)
                        return r;
        }

        return varlink_server_bind_method(server, INTERFACE ".GetStatus", on_get_status, m);
}
