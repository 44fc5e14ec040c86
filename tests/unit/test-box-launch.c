/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box-launch.h"
#include "box-stray.h"
#include "fd-util.h"
#include "test-util.h"

/* Launches with something in judgebox-init's place (fake-init.c) that does it right, or one of the things that can go
 * wrong. No child may be left of any. */

#define UID_BASE ((uid_t) 0x7fff0000)

typedef struct Launch {
        sd_event *event;
        CgroupManager *manager;
        BoxCgroup *cgroup, *cgroups[6];
        BoxLaunch *launch;
        bool going, started, finished, failed, cradle_gone;
        int init_pidfd, socket_fd;
        Step step;
        int error;
} Launch;

static Launch launch;
static BoxCradle *cradle;

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

static void on_cradle_gone(BoxCradle *c, void *userdata) {
        launch.cradle_gone = true;
}

static void start_cradle(const char *path) {
        _cleanup_close_ int fd = -EBADF;

        fd = open(path, O_PATH | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        cradle = box_cradle_free(cradle);
        ck_assert_int_eq(box_cradle_new(launch.event, fd, &cradle), 0);
        box_cradle_set_gone_handler(cradle, on_cradle_gone, NULL);
}

static void setup(void) {
        launch = (Launch) { .init_pidfd = -EBADF, .socket_fd = -EBADF };
        ck_assert_int_eq(sd_event_new(&launch.event), 0);
        start_cradle(FAKE_INIT);
        ck_assert_int_eq(cgroup_manager_new_tree(NULL, &launch.manager), 0);
}

static void release_launch(void) {
        launch.init_pidfd = safe_close(launch.init_pidfd);
        launch.socket_fd = safe_close(launch.socket_fd);
        launch.cgroup = box_cgroup_free(launch.cgroup);
}

static void teardown(void) {
        ck_assert_ptr_null(launch.launch);
        release_launch();
        launch.manager = cgroup_manager_free(launch.manager);
        cradle = box_cradle_free(cradle);
        launch.event = sd_event_unref(launch.event);

        /* Every child was waited for. */
        ck_assert_int_eq(waitid(P_ALL, 0, &(siginfo_t) {}, WEXITED | WNOHANG | __WALL), -1);
        ck_assert_int_eq(errno, ECHILD);
}

static void begin(const char *mode) {
        ck_assert_int_eq(box_cgroup_new(launch.manager, 0, mode, "test", &launch.cgroup), 0);
        ck_assert_int_eq(box_launch_new(launch.event, cradle, UID_BASE, /* share_network= */ false, launch.cgroup, &handler,
                                        NULL, &launch.launch), 0);
}

static void run_until_over(void) {
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + 10 * USEC_PER_SEC;

        while (!launch.finished && !launch.failed) {
                ck_assert_int_ge(sd_event_run(launch.event, USEC_PER_SEC), 0);
                ck_assert_uint_lt(now_usec(CLOCK_MONOTONIC), deadline);
        }
}

static void end_pid1(void) {
        siginfo_t si = {};

        ck_assert_int_eq(syscall(SYS_pidfd_send_signal, launch.init_pidfd, SIGKILL, NULL, 0), 0);
        ck_assert_int_eq(waitid(P_PIDFD, (id_t) launch.init_pidfd, &si, WEXITED), 0);
        ck_assert_int_eq(si.si_status, SIGKILL);
}

START_TEST(test_good) {
        begin("good");
        run_until_over();

        ck_assert_msg(launch.finished, "%s: %s", step_to_string(launch.step), strerror(launch.error));
        ck_assert_int_ge(launch.init_pidfd, 0);
        ck_assert_int_ge(launch.socket_fd, 0);

        /* The launcher is gone from the box's cgroup, so that controllers can be enabled; PID 1 is our child. */
        ck_assert_int_eq(box_cgroup_enable_controllers(launch.cgroup), 0);
        end_pid1();
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
        begin(failure_table[_i].mode);
        run_until_over();

        ck_assert(launch.failed);
        ck_assert_int_eq(launch.step, failure_table[_i].step);
        if (failure_table[_i].error != 0)
                ck_assert_int_eq(launch.error, failure_table[_i].error);
}
END_TEST

START_TEST(test_abort) {
        begin("hangs");

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
        /* The launcher is gone, and PID 1 is there but does not say so. */
        begin("stray");
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
        /* PID 1 speaks long after its launcher is gone. */
        begin("late");
        run_until_over();
        ck_assert_msg(launch.finished, "%s: %s", step_to_string(launch.step), strerror(launch.error));
        end_pid1();
}
END_TEST

static ino_t network_of(pid_t pid) {
        _cleanup_free_ char *path = NULL;
        struct stat st;

        path = strprintf("/proc/%i/ns/net", pid);
        ck_assert_ptr_nonnull(path);
        ck_assert_int_eq(stat(path, &st), 0);
        return st.st_ino;
}

static pid_t pid_of(int pidfd) {
        _cleanup_free_ char *info = NULL, *path = NULL;
        const char *p;

        path = strprintf("/proc/self/fdinfo/%i", pidfd);
        ck_assert_ptr_nonnull(path);
        ck_assert_int_eq(read_full_file_at(AT_FDCWD, path, 4096, &info, NULL), 0);
        p = strstr(info, "\nPid:");
        ck_assert_ptr_nonnull(p);
        return (pid_t) atoi(p + strlen("\nPid:"));
}

/* Each has its own, and one that has the host's does not change that for the next. All live
 * to the end, so that no number is given twice. */
START_TEST(test_network) {
        ino_t host = network_of(getpid()), seen[6];
        int pidfds[ELEMENTSOF(seen)];
        char id[] = "0-good";

        for (size_t i = 0; i < ELEMENTSOF(seen); i++) {
                bool share = i % 3 == 1;

                id[0] = (char) ('0' + i);
                ck_assert_int_eq(box_cgroup_new(launch.manager, 0, id, "test", &launch.cgroups[i]), 0);
                launch.going = launch.started = launch.finished = false;
                ck_assert_int_eq(box_launch_new(launch.event, cradle, UID_BASE, share, launch.cgroups[i], &handler, NULL,
                                                &launch.launch), 0);
                run_until_over();
                ck_assert(launch.finished);

                pidfds[i] = TAKE_FD(launch.init_pidfd);
                launch.socket_fd = safe_close(launch.socket_fd);
                seen[i] = network_of(pid_of(pidfds[i]));
                ck_assert_int_eq(seen[i] == host, share);
                for (size_t k = 0; k < i && !share; k++)
                        ck_assert_uint_ne(seen[k], seen[i]);
        }

        for (size_t i = 0; i < ELEMENTSOF(seen); i++) {
                launch.init_pidfd = pidfds[i];
                end_pid1();
                launch.cgroup = launch.cgroups[i];
                release_launch();
        }
}
END_TEST

START_TEST(test_forgotten) {
        begin("good");
        launch.launch = box_launch_free(launch.launch);

        /* It was asked for, and comes all the same. */
        for (int i = 0; i < 20; i++)
                ck_assert_int_ge(sd_event_run(launch.event, 20 * USEC_PER_MSEC), 0);
        ck_assert(!launch.going && !launch.failed);
}
END_TEST

START_TEST(test_cradle_is_gone) {
        int pidfd;

        /* There is no other child yet; what it leaves is not ours to wait for. */
        pidfd = box_stray_kill(getuid());
        ck_assert_int_ge(pidfd, 0);
        (void) safe_close(pidfd);

        begin("good");
        run_until_over();
        ck_assert(launch.failed && launch.cradle_gone);
        ck_assert_int_eq(launch.step, STEP_SPAWN);
        ck_assert_int_eq(launch.error, ECONNRESET);
}
END_TEST

START_TEST(test_not_executable) {
        start_cradle("/etc/passwd");
        begin("good");
        run_until_over();
        ck_assert(launch.failed);
        ck_assert_int_eq(launch.step, STEP_SPAWN);
        ck_assert_int_eq(launch.error, ECONNRESET);
}
END_TEST

int main(void) {
        CgroupManager *m;
        Suite *s;
        TCase *t;

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
        tcase_add_test(t, test_network);
        tcase_add_test(t, test_forgotten);
        tcase_add_test(t, test_cradle_is_gone);
        tcase_add_test(t, test_not_executable);
        suite_add_tcase(s, t);

        return test_run_suite(s);
}
