/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box-launch.h"
#include "fd-util.h"

/* Launches with something in judgebox-init's place (fake-init.c) that does it right, or one of the things that can go
 * wrong. No child may be left of any. */

#define UID_BASE ((uid_t) 0x7fff0000)

typedef struct Launch {
        sd_event *event;
        CgroupManager *manager;
        BoxCgroup *cgroup;
        BoxLaunch *launch;
        bool going, started, finished, failed;
        int init_pidfd, socket_fd;
        Step step;
        int error;
} Launch;

static Launch launch;
static BoxSlots *slots;

static int on_going(BoxLaunch *l, int socket_fd, void *userdata) {
        ck_assert(!launch.going && !launch.started && !launch.finished && !launch.failed);
        launch.going = true;
        return 0;
}

static void on_started(BoxLaunch *l, int init_pidfd, int socket_fd, void *userdata) {
        ck_assert(launch.going && !launch.started && !launch.finished && !launch.failed);
        launch.started = true;
        launch.init_pidfd = init_pidfd;
        launch.socket_fd = socket_fd;
}

static void on_finished(BoxLaunch *l, void *userdata) {
        ck_assert(launch.started && !launch.finished && !launch.failed);
        launch.finished = true;
        launch.launch = box_launch_free(launch.launch);
}

static void on_failed(BoxLaunch *l, Step step, int error, void *userdata) {
        ck_assert(!launch.started && !launch.finished && !launch.failed);
        launch.failed = true;
        launch.step = step;
        launch.error = error;
        launch.launch = box_launch_free(launch.launch);
}

static const BoxLaunchHandler handler = {
        .going = on_going,
        .started = on_started,
        .finished = on_finished,
        .failed = on_failed,
};

static void set_program(const char *path) {
        int fd;

        fd = open(path, O_PATH | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        slots = box_slots_free(slots);
        ck_assert_int_eq(box_slots_new(fd, &slots), 0);
}

static void setup(void) {
        launch = (Launch) { .init_pidfd = -EBADF, .socket_fd = -EBADF };
        set_program(FAKE_INIT);
        ck_assert_int_eq(sd_event_new(&launch.event), 0);
        ck_assert_int_eq(cgroup_manager_new_tree(NULL, &launch.manager), 0);
}

static void teardown(void) {
        ck_assert_ptr_null(launch.launch);
        launch.init_pidfd = safe_close(launch.init_pidfd);
        launch.socket_fd = safe_close(launch.socket_fd);
        launch.cgroup = box_cgroup_free(launch.cgroup);
        launch.manager = cgroup_manager_free(launch.manager);
        launch.event = sd_event_unref(launch.event);
        slots = box_slots_free(slots);

        /* Every child was waited for. */
        ck_assert_int_eq(waitid(P_ALL, 0, &(siginfo_t) {}, WEXITED | WNOHANG | __WALL), -1);
        ck_assert_int_eq(errno, ECHILD);
}

static int begin(const char *mode, Step *ret_step) {
        ck_assert_int_eq(box_cgroup_new(launch.manager, 0, mode, "test", &launch.cgroup), 0);
        return box_launch_new(launch.event, slots, UID_BASE, /* share_network= */ true, launch.cgroup, &handler, NULL,
                              &launch.launch, ret_step);
}

static void run_until_over(void) {
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + 10 * USEC_PER_SEC;

        while (!launch.finished && !launch.failed) {
                ck_assert_int_ge(sd_event_run(launch.event, USEC_PER_SEC), 0);
                ck_assert_uint_lt(now_usec(CLOCK_MONOTONIC), deadline);
        }
}

START_TEST(test_good) {
        siginfo_t si = {};
        Step step;

        ck_assert_int_eq(begin("good", &step), 0);
        run_until_over();

        ck_assert_msg(launch.finished, "%s: %s", step_to_string(launch.step), strerror(launch.error));
        ck_assert_int_ge(launch.init_pidfd, 0);
        ck_assert_int_ge(launch.socket_fd, 0);

        /* The launcher is gone from the box's cgroup, so that controllers can be enabled; PID 1 is our child. */
        ck_assert_int_eq(box_cgroup_enable_controllers(launch.cgroup), 0);
        ck_assert_int_eq(syscall(SYS_pidfd_send_signal, launch.init_pidfd, SIGKILL, NULL, 0), 0);
        ck_assert_int_eq(waitid(P_PIDFD, (id_t) launch.init_pidfd, &si, WEXITED), 0);
        ck_assert_int_eq(si.si_status, SIGKILL);
}
END_TEST

static const struct {
        const char *mode;
        Step step;
        int error;
} failure_table[] = {
        { "refused", STEP_NAMESPACE, EPERM },
        { "garbage", STEP_SPAWN, EBADMSG },
        { "silent", STEP_SPAWN, ECONNRESET },
        { "dies", STEP_SPAWN, ECONNRESET }, /* PID 1, and not a word */
};

START_TEST(test_failure) {
        Step step;

        ck_assert_int_eq(begin(failure_table[_i].mode, &step), 0);
        run_until_over();

        ck_assert(launch.failed);
        ck_assert_int_eq(launch.step, failure_table[_i].step);
        if (failure_table[_i].error != 0)
                ck_assert_int_eq(launch.error, failure_table[_i].error);
}
END_TEST

START_TEST(test_abort) {
        Step step;

        ck_assert_int_eq(begin("hangs", &step), 0);

        /* It may be about to make PID 1: left alone at first. */
        box_launch_abort(launch.launch, /* force= */ false);
        ck_assert_int_ge(sd_event_run(launch.event, 100 * USEC_PER_MSEC), 0);
        ck_assert(!launch.failed);

        box_launch_abort(launch.launch, /* force= */ true);
        run_until_over();
        ck_assert(launch.failed);
        ck_assert_int_eq(launch.error, ECANCELED);
}
END_TEST

START_TEST(test_abort_silent_pid1) {
        Step step;

        /* The launcher is gone, and PID 1 is there but does not say so. */
        ck_assert_int_eq(begin("stray", &step), 0);
        for (int i = 0; i < 20; i++)
                ck_assert_int_ge(sd_event_run(launch.event, 20 * USEC_PER_MSEC), 0);
        ck_assert(!launch.started && !launch.failed);

        box_launch_abort(launch.launch, /* force= */ true);
        run_until_over();
        ck_assert(launch.failed);
        ck_assert_int_eq(launch.error, ECANCELED);
}
END_TEST

START_TEST(test_late_pid1) {
        Step step;

        /* PID 1 speaks long after its launcher is gone. */
        ck_assert_int_eq(begin("late", &step), 0);
        run_until_over();
        ck_assert_msg(launch.finished, "%s: %s", step_to_string(launch.step), strerror(launch.error));
        ck_assert_int_eq(syscall(SYS_pidfd_send_signal, launch.init_pidfd, SIGKILL, NULL, 0), 0);
        ck_assert_int_eq(waitid(P_PIDFD, (id_t) launch.init_pidfd, &(siginfo_t) {}, WEXITED), 0);
}
END_TEST

START_TEST(test_not_executable) {
        Step step;

        set_program("/etc/passwd");
        ck_assert_int_eq(begin("good", &step), 0);
        run_until_over();
        ck_assert(launch.failed);
        ck_assert_int_eq(launch.step, STEP_EXEC);
        ck_assert_int_eq(launch.error, EACCES);
}
END_TEST

int main(void) {
        CgroupManager *m;
        Suite *s;
        TCase *t;
        SRunner *r;
        int failed;

        if (geteuid() != 0) {
                printf("SKIP: box-launch: not root\n");
                return 77;
        }
        if (cgroup_manager_new_tree(NULL, &m) < 0) {
                printf("SKIP: box-launch: no cgroup2 that can be written to\n");
                return 77;
        }
        m = cgroup_manager_free(m);

        s = suite_create("box-launch");
        t = tcase_create("box-launch");
        tcase_add_checked_fixture(t, setup, teardown);
        tcase_set_timeout(t, 30);
        tcase_add_test(t, test_good);
        tcase_add_loop_test(t, test_failure, 0, ELEMENTSOF(failure_table));
        tcase_add_test(t, test_abort);
        tcase_add_test(t, test_abort_silent_pid1);
        tcase_add_test(t, test_late_pid1);
        tcase_add_test(t, test_not_executable);
        suite_add_tcase(s, t);

        r = srunner_create(s);
        srunner_run_all(r, CK_NORMAL);
        failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
