/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-hold.h"
#include "budget.h"
#include "fd-util.h"
#include "group.h"
#include "manager.h"
#include "operation-internal.h"
#include "tenant.h"
#include "user-name.h"

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

void operation_finish(Operation *o, int r, Failure *f) {
        Failure none = FAILURE_NULL;

        if (!f)
                f = &none;

        o->done(o, failure_take(f, r) ? f : NULL, o->userdata);
        failure_done(f);
        (void) operation_free(o);
}

void operation_finish_with(Operation *o, const Failure *f) {
        o->done(o, f, o->userdata);
        (void) operation_free(o);
}

static int find_box(Operation *o, Box **ret, Failure *f) {
        Box *b = NULL;

        if (o->box && operation_verbs[o->type].wants_box) {
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

        return operation_verbs[o->type].execute(o, box, f);
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
                operation_finish(o, r, &f);
}

static void on_box_adopted(Box *b, const Failure *failure, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);

        if (failure)
                operation_finish_with(o, failure);
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

        operation_finish(o, q, &f);
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
                if (r == FAILURE_LIMIT_OUT_OF_RANGE && !o->canceled) {
                        /* Only now: to whom this is another's box, its budget is none of their business. And not of
                         * who has gone: what polkit would be asked about was the connection's. */
                        failure_done(&f);
                        check_authority(o, AUTHORITY_EXCEED_LIMITS, on_excess_authorized);
                        return;
                }
                if (r == 0) {
                        execute_or_fail(o);
                        return;
                }
        }

        operation_finish(o, r, &f);
}

void operation_start(Operation *o) {
        AuthorityAction actions;

        assert(o);

        actions = operation_verbs[o->type].actions |
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
                operation_finish(o, failure_set_internal(&f, STEP_NONE, ECANCELED), &f);
        } else if (o->run)
                run_cancel(o->run);
        else if (o->group_started)
                group_cancel(o->group);
        else if (o->input && input_data_is_waiting(o->input))
                operation_finish(o, failure_set_internal(&f, STEP_NONE, ECANCELED), &f);
}
