/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A box and the runs in it. judgebox-init's end of the channel is held by the test, which reads nothing. */

#include <sys/socket.h>

#include "manager-fixture.h"

static Box *box;
static int init_fd;
static unsigned n_done;

static void on_channel_failed(BoxChannel *c, Step step, int r, void *userdata) {
        box_broken(ASSERT_PTR(userdata), step, r);
}

static void setup(void) {
        int fds[2];

        fixture_setup();
        fixture_configure("");
        fixture_start(/* store= */ NULL);
        box = fixture_box("b");
        n_done = 0;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        ck_assert_int_eq(box_channel_new(event, fds[0], on_channel_failed, box, &box->channel), 0);
        init_fd = fds[1];
        box->configured = true;
        box_update_state(box);
}

static void teardown(void) {
        if (manager->boxes)
                box_stop(box);
        ck_assert_ptr_null(manager->boxes);
        ck_assert_ptr_null(manager->runs);
        ck_assert_ptr_null(manager->tenants);
        init_fd = safe_close(init_fd);
        fixture_teardown();
}

/* One that goes on. */
static Run *add_run(uint64_t number) {
        MessageRunEntry entry = { .run = number, .state = MESSAGE_RUN_EXECUTING };
        Run *r;

        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++)
                entry.limits[t] = LIMIT_NONE;
        ck_assert_int_ge(run_adopt(box, &entry, "program", /* cgroup= */ NULL), 0);

        DL_FOREACH(box->runs, r)
                if (r->number == number)
                        return r;
        ck_abort_msg("The run is not there.");
}

/* As the rule of a group has it. */
static void on_done_end_other(Run *r, const Failure *f, void *userdata) {
        n_done++;
        run_end(userdata);
}

static void on_done(Run *r, const Failure *f, void *userdata) {
        ck_assert_ptr_null(f);
        n_done++;
}

static void fill_channel(void) {
        static const char message[4096];

        while (send(box_channel_get_fd(box->channel), message, sizeof(message), MSG_DONTWAIT) >= 0)
                ;
        ck_assert_int_eq(errno, EAGAIN);
}

/* One run's end ends another, of which judgebox-init cannot be told: so their box goes, of which the first is still a
 * part. */
static void assert_box_goes(Run *ending, Run *other) {
        ending->done = on_done_end_other;
        ending->userdata = other;
        other->done = on_done;
        fill_channel();

        run_abort(ending, VERDICT_CANCELED, STEP_NONE, 0);
        ck_assert_uint_eq(n_done, 2);
        ck_assert_ptr_null(manager->boxes);
}

START_TEST(test_box_goes_with_its_first_run) {
        Run *first = add_run(1), *second = add_run(2);

        assert_box_goes(first, second);
}
END_TEST

START_TEST(test_box_goes_with_its_last_run) {
        Run *first = add_run(1), *second = add_run(2);

        assert_box_goes(second, first);
}
END_TEST

/* Whatever else is in the box. */
START_TEST(test_active_runs) {
        ck_assert_uint_eq(box->n_active_runs, 0);
        ck_assert_int_eq(box->state, BOX_IDLE);

        for (uint64_t i = 1; i <= 3; i++)
                (void) add_run(i);
        box_update_state(box);
        ck_assert_uint_eq(box->n_active_runs, 3);
        ck_assert_int_eq(box->state, BOX_RUNNING);

        /* Or one more cgroup would be made, below that of the box. */
        box->adopting = true;
        run_abort(box->runs, VERDICT_CANCELED, STEP_NONE, 0);
        ck_assert_uint_eq(box->n_active_runs, 2);
        box_stop(box);
        ck_assert_uint_eq(box->n_active_runs, 0);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_box_goes_with_its_first_run,
                test_box_goes_with_its_last_run,
                test_active_runs,
        };

        return test_run_as_root("box-runs", tests, ELEMENTSOF(tests), setup, teardown);
}
