/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-hold.h"
#include "budget.h"
#include "fd-util.h"
#include "group.h"
#include "manager.h"
#include "operation.h"
#include "tenant.h"
#include "user-name.h"

/* What judgebox-init may take for a request; listing or removing 200,000 files is the slowest. */
#define FILE_TIMEOUT_USEC (60 * USEC_PER_SEC)

static const char *const operation_type_table[_OPERATION_TYPE_MAX] = {
        [OPERATION_RUN] = "run",
        [OPERATION_RUN_GROUP] = "run-group",
        [OPERATION_SEND_INPUT] = "send-input",
        [OPERATION_COLLECT] = "collect",
        [OPERATION_CREATE] = "create",
        [OPERATION_DESTROY] = "destroy",
        [OPERATION_RESET] = "reset",
        [OPERATION_LIST] = "list",
        [OPERATION_GET] = "get",
        [OPERATION_KILL] = "kill",
        [OPERATION_OPEN_FILE] = "open-file",
        [OPERATION_MAKE_DIRECTORY] = "make-directory",
        [OPERATION_LIST_FILES] = "list-files",
        [OPERATION_REMOVE_FILE] = "remove-file",
        [OPERATION_LIST_PROFILES] = "list-profiles",
        [OPERATION_GET_PROFILE] = "get-profile",
        [OPERATION_MONITOR] = "monitor",
};

DEFINE_STRING_TABLE_LOOKUP(operation_type, OperationType);

int operation_new(
                Manager *m,
                OperationType type,
                const Caller *caller,
                operation_done_t done,
                void *userdata,
                Operation **ret) {

        Operation *o;

        assert(m);
        assert(type >= 0 && type < _OPERATION_TYPE_MAX);
        assert(caller);
        assert(done);
        assert(ret);

        o = new(Operation, 1);
        if (!o)
                return -ENOMEM;

        *o = (Operation) {
                .manager = m,
                .type = type,
                .caller = *caller,
                .owner = caller->uid,
                .done = done,
                .userdata = userdata,
                .fd = -EBADF,
                .value = RESULT_UNKNOWN,
                .value2 = RESULT_UNKNOWN,
        };
        box_settings_init(&o->settings);
        o->settings.storage_bytes = m->config->storage_bytes;
        o->settings.inodes = m->config->inodes;
        o->settings.gid = caller->gid != (gid_t) -1 ? caller->gid : user_gid_local(caller->uid);
        run_request_init(&o->request);

        *ret = o;
        return 0;
}

Operation *operation_free(Operation *o) {
        if (!o)
                return NULL;

        box_settings_done(&o->settings);
        run_request_done(&o->request);
        free(o->box);
        free(o->path);
        free(o->profile);
        o->fd = safe_close(o->fd);
        o->listing = listing_free(o->listing);
        (void) group_free(o->group);
        (void) input_data_free(o->input);
        return mfree(o);
}

/* r: 0, a negative errno, or f is set. */
static void finish(Operation *o, int r, Failure *f) {
        Failure none = FAILURE_NULL;

        if (!f)
                f = &none;

        o->done(o, failure_take(f, r) ? f : NULL, o->userdata);
        failure_done(f);
        (void) operation_free(o);
}

static void finish_with(Operation *o, const Failure *f) {
        o->done(o, f, o->userdata);
        (void) operation_free(o);
}

static void on_run_done(Run *r, const Failure *f, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);

        o->run = r;
        finish_with(o, f);
}

static void on_run_started(Run *r, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);

        o->run = r;
        if (o->started)
                o->started(o, o->userdata);
}

static int do_run(Operation *o, Box *box, Failure *f) {
        Tenant *t;
        int r;

        r = tenant_get(o->manager, box ? box->owner : o->owner, &t);
        if (r < 0)
                return r;

        r = run_new(o->manager, t, box, &o->request, &o->settings, on_run_done, o, &o->run, f);
        if (r != 0) {
                tenant_put(t);
                return r;
        }

        o->run->started = on_run_started;
        if (o->member)
                group_take_run(o->member, o->run);
        else
                run_submit(o->run);
        return 0;
}

static void on_group_started(Group *g, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);

        if (o->started)
                o->started(o, o->userdata);
}

static void on_group_done(Group *g, const Failure *f, void *userdata) {
        finish_with(ASSERT_PTR(userdata), f);
}

static int do_run_group(Operation *o, Box *box, Failure *f) {
        o->group_started = true;
        group_start(o->group, on_group_started, on_group_done, o);
        return 0;
}

static int do_collect(Operation *o, Box *box, Failure *f) {
        int r;

        r = run_attach(box, o->run_number, &o->request, on_run_done, o, &o->run, f);
        if (r != FAILURE_NO_SUCH_RUN || !box->one_shot || box->runs)
                return r;

        /* It was for a run that never began. First the answer: if we end in between, it is the box that tells. */
        finish(o, r, f);
        box_stop(box);
        return 0;
}

static void on_box_ready(Box *b, const Failure *f, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);

        o->result_box = b;
        finish_with(o, f);
}

static int do_create(Operation *o, Box *box, Failure *f) {
        char id[BOX_ID_SIZE];
        Tenant *t;
        Box *b;
        int r;

        if (!o->box)
                manager_pick_id(o->manager, o->owner, 'b', id);

        r = tenant_get(o->manager, o->owner, &t);
        if (r < 0)
                return r;

        r = box_new(o->manager, t, o->box ?: id, &o->settings, /* one_shot= */ false, &b, f);
        if (r != 0) {
                tenant_put(t);
                return r;
        }

        b->until_disconnect = o->until_disconnect;
        r = box_hold(b, &o->caller);
        if (r == 0)
                r = box_start(b, f);
        if (r == 0)
                r = box_wait_ready(b, on_box_ready, o);
        if (r != 0)
                box_stop(b);
        return r;
}

static void on_box_gone(Box *b, const Failure *f, void *userdata) {
        finish_with(ASSERT_PTR(userdata), f);
}

static int do_destroy(Operation *o, Box *box, Failure *f) {
        int r;

        r = box_wait_gone(box, on_box_gone, o);
        if (r < 0)
                return r;

        box_stop(box);
        return 0;
}

static int do_list(Operation *o, Box *box, Failure *f) {
        finish(o, 0, NULL);
        return 0;
}

/* A request to judgebox-init that was answered with an error, or not at all. */
static int reply_to_failure(Operation *o, int r, const Message *m, Failure *f) {
        if (r < 0)
                return failure_set(f, FAILURE_NO_SUCH_BOX, o->box);
        if (m->header.type != MESSAGE_REPLY || m->reply.error < 0 || m->reply.step >= _STEP_MAX)
                return failure_set_internal(f, STEP_PROTOCOL, EBADMSG);
        if (m->reply.error == 0)
                return 0;
        if (o->path)
                return failure_set_file(f, o->path, m->reply.error);

        return failure_set_internal(f, (Step) m->reply.step, m->reply.error);
}

static int take_listing(Operation *o, Message *m) {
        int r;

        r = listing_new(message_next_fd(m), &o->listing);
        return r < 0 ? r : listing_skip(o->listing, o->offset);
}

static void on_file_reply(int r, Message *m, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);
        Failure f = FAILURE_NULL;

        r = reply_to_failure(o, r, m, &f);
        if (r == 0) {
                o->value = m->reply.value;
                o->value2 = m->reply.value2;

                if (o->type == OPERATION_OPEN_FILE)
                        r = o->fd = message_next_fd(m);
                else if (o->type == OPERATION_LIST_FILES)
                        r = take_listing(o, m);
                r = r < 0 ? failure_set_internal(&f, STEP_PROTOCOL, r) : 0;
        }

        finish(o, r, &f);
}

static int request(Operation *o, Box *box, MessageType type, channel_reply_t callback, Failure *f) {
        int r;

        r = box_request_file(box, type, o->flags, o->path, -EBADF, FILE_TIMEOUT_USEC, callback, o);
        if (IN_SET(r, -EBUSY, -EAGAIN, -ENOTCONN))
                return failure_set(f, FAILURE_BOX_BUSY, box->id);

        return r;
}

static int do_file(Operation *o, Box *box, Failure *f) {
        static const MessageType message_types[_OPERATION_TYPE_MAX] = {
                [OPERATION_OPEN_FILE] = MESSAGE_OPEN,
                [OPERATION_MAKE_DIRECTORY] = MESSAGE_MKDIR,
                [OPERATION_LIST_FILES] = MESSAGE_LIST,
                [OPERATION_REMOVE_FILE] = MESSAGE_REMOVE,
        };

        return request(o, box, message_types[o->type], on_file_reply, f);
}

/* A box that cannot be given back as new is not given back at all. */
static void on_reset(int r, Message *m, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);
        Failure f = FAILURE_NULL;
        Box *b;

        r = reply_to_failure(o, r, m, &f);
        if (r == FAILURE_INTERNAL) {
                b = manager_find_box(o->manager, o->owner, o->box);
                if (b)
                        box_fail(b, f.step, f.error);
        }

        finish(o, r, &f);
}

static int do_reset(Operation *o, Box *box, Failure *f) {
        Run *r;

        if (!box->configured)
                return failure_set(f, FAILURE_BOX_BUSY, box->id);
        DL_FOREACH(box->runs, r)
                if (r->state != RUN_KEPT && !r->ended)
                        return failure_set(f, FAILURE_BOX_BUSY, box->id);

        return request(o, box, MESSAGE_RESET, on_reset, f);
}

static void on_storage(int r, Message *m, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);
        Failure f = FAILURE_NULL;

        r = reply_to_failure(o, r, m, &f);
        if (r == 0) {
                o->value = m->reply.value;
                o->value2 = m->reply.value2;
        }

        finish(o, r, &f);
}

static int do_get(Operation *o, Box *box, Failure *f) {
        o->result_box = box;

        if (box->configured)
                return request(o, box, MESSAGE_STORAGE, on_storage, f);

        finish(o, 0, NULL);
        return 0;
}

static int do_get_profile(Operation *o, Box *box, Failure *f) {
        int r;

        r = profile_store_get(o->manager->profiles, o->profile, "profile", &o->result_profile, f);
        if (r == 0)
                finish(o, 0, NULL);
        return r;
}

static Run *find_run(Box *b, uint64_t number) {
        Run *r;

        DL_FOREACH(b->runs, r)
                if (r->number == number && run_is_active(r))
                        return r;

        return NULL;
}

static void on_input_done(InputData *d, bool closed, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);

        o->value = closed;
        finish(o, 0, NULL);
}

static int do_send_input(Operation *o, Box *box, Failure *f) {
        Run *r;

        r = find_run(box, o->run_number);
        if (!r)
                return failure_set_number(f, FAILURE_NO_SUCH_RUN, NULL, o->run_number);
        if (r->request.streamed_fds[STDIN_FILENO] < 0)
                return failure_set_field(f, "run", "Its standard input is not streamed, or at its end.");

        return input_data_send(o->input, o->manager->event, r->request.streamed_fds + STDIN_FILENO, on_input_done, o);
}

/* Whoever waits for the run is told what it had used. */
static int do_kill(Operation *o, Box *box, Failure *f) {
        uint64_t n = 0;
        Run *r, *next;

        if (o->has_run_number) {
                r = find_run(box, o->run_number);
                if (!r)
                        return failure_set_number(f, FAILURE_NO_SUCH_RUN, NULL, o->run_number);

                run_end(r);
                n = 1;
        } else
                for (r = box->runs; r; r = next) {
                        next = r->next;
                        if (IN_SET(r->state, RUN_KEPT, RUN_COLLECTING))
                                continue;

                        run_end(r);
                        n++;

                        /* A box of its own has only one, and is going now. */
                        if (box->state == BOX_STOPPING)
                                break;
                }

        o->value = n;
        finish(o, 0, NULL);
        return 0;
}

/* execute: returns 0 if it has finished or will finish the operation, else not. */
static const struct {
        AuthorityAction actions;
        bool wants_box; /* which must be there, if one is named */
        int (*execute)(Operation *o, Box *box, Failure *f);
} operation_table[_OPERATION_TYPE_MAX] = {
        [OPERATION_RUN] = { AUTHORITY_RUN, true, do_run },
        [OPERATION_RUN_GROUP] = { AUTHORITY_RUN, false, do_run_group },
        [OPERATION_SEND_INPUT] = { AUTHORITY_RUN, true, do_send_input },
        [OPERATION_COLLECT] = { AUTHORITY_RUN, true, do_collect },
        [OPERATION_CREATE] = { AUTHORITY_MANAGE_BOX, false, do_create },
        [OPERATION_DESTROY] = { AUTHORITY_MANAGE_BOX, true, do_destroy },
        [OPERATION_RESET] = { AUTHORITY_MANAGE_BOX, true, do_reset },
        [OPERATION_LIST] = { AUTHORITY_INSPECT, false, do_list },
        [OPERATION_GET] = { AUTHORITY_INSPECT, true, do_get },
        [OPERATION_KILL] = { AUTHORITY_MANAGE_BOX, true, do_kill },
        [OPERATION_OPEN_FILE] = { AUTHORITY_MANAGE_BOX, true, do_file },
        [OPERATION_MAKE_DIRECTORY] = { AUTHORITY_MANAGE_BOX, true, do_file },
        [OPERATION_LIST_FILES] = { AUTHORITY_MANAGE_BOX, true, do_file },
        [OPERATION_REMOVE_FILE] = { AUTHORITY_MANAGE_BOX, true, do_file },
        [OPERATION_LIST_PROFILES] = { AUTHORITY_INSPECT, false, do_list },
        [OPERATION_GET_PROFILE] = { AUTHORITY_INSPECT, false, do_get_profile },
        [OPERATION_MONITOR] = { AUTHORITY_INSPECT, false, do_list },
};

static int find_box(Operation *o, Box **ret, Failure *f) {
        Box *b = NULL;

        if (o->box && operation_table[o->type].wants_box) {
                b = manager_find_box(o->manager, o->owner, o->box);
                if (!b || (b->state == BOX_STOPPING && o->type == OPERATION_COLLECT))
                        return failure_set(f, FAILURE_NO_SUCH_BOX, o->box);
                if (b->state == BOX_STOPPING && o->type != OPERATION_DESTROY)
                        return failure_set(f, FAILURE_BOX_BUSY, o->box);
        }

        *ret = b;
        return 0;
}

static void on_box_adopted(Box *b, const Failure *failure, void *userdata);

static int execute(Operation *o, Failure *f) {
        Box *box = NULL;
        int r;

        if (o->manager->stopping)
                return failure_set_message(f, FAILURE_INTERNAL, NULL, "The service is stopping.");

        if (IN_SET(o->type, OPERATION_RUN, OPERATION_CREATE)) {
                r = manager_check_supported(o->manager, f);
                if (r != 0)
                        return r;
        }

        r = find_box(o, &box, f);
        if (r != 0)
                return r;

        /* What goes on in it will be known in a moment. */
        if (box && box->adopting && o->type != OPERATION_DESTROY)
                return box_wait_ready(box, on_box_adopted, o);

        if (box && !o->canceled) {
                r = box_hold(box, &o->caller);
                if (r < 0)
                        return r;
        }

        return operation_table[o->type].execute(o, box, f);
}

/* Who asks for a run and has gone wants none; nor a box that is there until then. */
static bool is_pointless(const Operation *o) {
        return o->canceled &&
                (IN_SET(o->type, OPERATION_RUN, OPERATION_RUN_GROUP, OPERATION_COLLECT) || o->until_disconnect);
}

static void execute_or_fail(Operation *o) {
        Failure f = FAILURE_NULL;
        int r;

        r = is_pointless(o) ? failure_set_internal(&f, STEP_NONE, ECANCELED) : execute(o, &f);
        if (r != 0)
                finish(o, r, &f);
}

static void on_box_adopted(Box *b, const Failure *failure, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);

        if (failure)
                finish_with(o, failure);
        else
                execute_or_fail(o);
}

/* A run in a box that is there, which has its settings. */
static bool is_in_box(const Operation *o) {
        return o->type == OPERATION_RUN && o->box;
}

static void check_authority(Operation *o, AuthorityAction actions, authority_callback_t callback) {
        Limits limits = o->request.spec.limits;

        /* A run in a box of its own may have them from there: a rule must not miss any. */
        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++)
                if (!limits_has(&limits, t) && limits_has(&o->settings.limits, t))
                        limits_set(&limits, t, o->settings.limits.values[t]);

        authority_check(o->manager->authority, &o->caller, actions,
                        &(AuthorityDetails) {
                                .verb = operation_type_to_string(o->type),
                                .box = o->box,
                                .owner = o->owner,
                                .limits = &limits,
                                .storage_bytes = actions == AUTHORITY_EXCEED_LIMITS && !is_in_box(o) ?
                                                budget_get_storage(&o->settings) : 0,
                        },
                        callback, o);
}

/* Fits what is asked for into the budget, or says what does not. */
static int check_budget(Operation *o, Failure *f) {
        Budget budget;
        int r;

        if (!IN_SET(o->type, OPERATION_RUN, OPERATION_CREATE))
                return 0;

        /* Nothing is asked for, and the box has its limits already. */
        if (is_in_box(o) && o->request.spec.limits.set == 0)
                return 0;

        tenant_get_budget(o->manager, o->owner, &budget);
        if (!is_in_box(o)) {
                budget_bound_defaults(&budget, &o->manager->config->limits, &o->settings);
                r = budget_check_settings(&budget, &o->settings, "settings", f);
                if (r != 0)
                        return r;
        }

        if (o->request.no_defaults)
                budget_fill_limits(&budget, &o->settings.limits, &o->request.spec.limits);

        return budget_check_limits(&budget, &o->request.spec.limits, "limits", f);
}

/* Whoever is refused is told the budget, not that an exception was not made. */
static void on_excess_authorized(AuthorityAction denied, int r, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);
        Failure f = FAILURE_NULL;
        int q;

        if (r == 0 && denied == 0) {
                o->settings.may_exceed = true;
                execute_or_fail(o);
                return;
        }

        /* There may be more of it by now. */
        q = check_budget(o, &f);
        if (q == 0) {
                execute_or_fail(o);
                return;
        }

        if (r == AUTHORITY_ASK_BUS && f.message) {
                char *message = strprintf("%s Only polkit can grant more, and can be asked about it over D-Bus alone.",
                                          f.message);

                if (message) {
                        free(f.message);
                        f.message = message;
                }
        }

        finish(o, q, &f);
}

static void on_authorized(AuthorityAction denied, int r, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);
        Failure f = FAILURE_NULL;

        /* Whether another's box exists is not for everybody to know. */
        if (r >= 0 && denied == AUTHORITY_MANAGE_OTHERS && o->box)
                r = failure_set(&f, FAILURE_NO_SUCH_BOX, o->box);
        else if (r == AUTHORITY_ASK_BUS)
                r = failure_set_message(&f, FAILURE_ASK_BUS, NULL,
                                        "Only polkit can grant this, and can be asked about it over D-Bus alone: "
                                        "call org.judgebox1.");
        else if (IN_SET(r, -ENOTCONN, -ETIMEDOUT)) {
                r = failure_set_message(&f, FAILURE_INTERNAL, NULL, "%s, so it is not known whether this is allowed: "
                                        "try again in a moment.", r == -ENOTCONN ? "The system bus is away"
                                                                                 : "polkit did not answer");
                f.error = EAGAIN;
        } else if (r < 0 || denied != 0)
                r = failure_set(&f, FAILURE_PERMISSION_DENIED, NULL);
        else {
                r = check_budget(o, &f);
                if (r == FAILURE_LIMIT_OUT_OF_RANGE) {
                        /* Only now: to whom this is another's box, its budget is none of their business. */
                        failure_done(&f);
                        check_authority(o, AUTHORITY_EXCEED_LIMITS, on_excess_authorized);
                        return;
                }
                if (r == 0) {
                        execute_or_fail(o);
                        return;
                }
        }

        finish(o, r, &f);
}

void operation_start(Operation *o) {
        AuthorityAction actions;

        assert(o);

        actions = operation_table[o->type].actions |
                        (o->owner != o->caller.uid || o->all ? AUTHORITY_MANAGE_OTHERS : 0) |
                        (o->settings.share_network ? AUTHORITY_SHARE_NETWORK : 0) |
                        (o->settings.n_binds > 0 || o->settings.host_directory ? AUTHORITY_BIND : 0) |
                        (o->admin_profile ? AUTHORITY_ADMIN : 0);

        check_authority(o, actions, on_authorized);
}

void operation_cancel(Operation *o) {
        Failure f = FAILURE_NULL;

        assert(o);

        o->canceled = true;
        if (o->run && run_detach(o->run)) {
                o->run = NULL;
                finish(o, failure_set_internal(&f, STEP_NONE, ECANCELED), &f);
        } else if (o->run)
                run_cancel(o->run);
        else if (o->group_started)
                group_cancel(o->group);
        else if (o->input && input_data_is_waiting(o->input))
                finish(o, failure_set_internal(&f, STEP_NONE, ECANCELED), &f);
}
