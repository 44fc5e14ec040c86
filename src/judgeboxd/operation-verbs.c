/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What each operation does once it may: a function for each verb, and the table of them at the end. */

#include "box-hold.h"
#include "group.h"
#include "manager.h"
#include "operation-internal.h"
#include "tenant.h"

/* What judgebox-init may take for a request; listing or removing 200,000 files is the slowest. */
#define FILE_TIMEOUT_USEC (60 * USEC_PER_SEC)

static void on_run_done(Run *r, const Failure *f, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);

        o->run = r;
        operation_finish_with(o, f);
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
        operation_finish_with(ASSERT_PTR(userdata), f);
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
        operation_finish(o, r, f);
        box_stop(box);
        return 0;
}

static void on_box_ready(Box *b, const Failure *f, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);

        o->result_box = b;
        operation_finish_with(o, f);
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
        operation_finish_with(ASSERT_PTR(userdata), f);
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
        operation_finish(o, 0, NULL);
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

static void on_reply(int r, Message *m, void *userdata) {
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

        operation_finish(o, r, &f);
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

        return request(o, box, message_types[o->type], on_reply, f);
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

        operation_finish(o, r, &f);
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

static int do_get(Operation *o, Box *box, Failure *f) {
        o->result_box = box;

        if (box->configured)
                return request(o, box, MESSAGE_STORAGE, on_reply, f);

        operation_finish(o, 0, NULL);
        return 0;
}

static int do_get_profile(Operation *o, Box *box, Failure *f) {
        int r;

        r = profile_store_get(o->manager->profiles, o->profile, "profile", &o->result_profile, f);
        if (r == 0)
                operation_finish(o, 0, NULL);
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
        operation_finish(o, 0, NULL);
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
                        /* One may have ended with another of its group. */
                        if (IN_SET(r->state, RUN_KEPT, RUN_COLLECTING, RUN_FINISHED))
                                continue;

                        run_end(r);
                        n++;

                        /* A box of its own has only one, and is going now. */
                        if (box->state == BOX_STOPPING)
                                break;
                }

        o->value = n;
        operation_finish(o, 0, NULL);
        return 0;
}

const OperationVerb operation_verbs[_OPERATION_TYPE_MAX] = {
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
