/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fd-util.h"
#include "filter-load.h"
#include "notice.h"
#include "path-call.h"
#include "test-util.h"

/* A filter that reports mkdirat() and exit_group(), in a child that makes such calls, and the listener here. */

typedef struct Watched {
        Filter filter;
        pid_t pid;
        int listener_fd;
        int ready_fd; /* the child waits until its other end is closed */
} Watched;

static void report_some(Filter *ret) {
        const struct sock_filter profile[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 1, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        _cleanup_close_ int fd = memfd_new_sealed("filter", profile, sizeof(profile));

        ck_assert_int_eq(filter_read(fd, ret), 0);
        ck_assert(ret->notifies);
}

/* In the child nothing but system calls: it may not even exit as others do. */
static Watched watch(void (*f)(const Filter *filter)) {
        Watched w = { .listener_fd = -EBADF };
        int socket_fd, ready[2];
        bool muted;
        char c;

        report_some(&w.filter);
        ck_assert_int_eq(filter_load_prepare(&socket_fd), 0);
        ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);

        w.pid = fork();
        ck_assert_int_ge(w.pid, 0);
        if (w.pid == 0) {
                close(ready[1]);
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_load(&w.filter, socket_fd, &muted) < 0 || muted)
                        kill(getpid(), SIGKILL);
                (void) read(ready[0], &c, 1);
                f(&w.filter);
                syscall(SYS_exit_group, 0, 0, 0, 0, 0, w.filter.secret);
        }

        close(ready[0]);
        w.ready_fd = ready[1];

        /* Not vfork()ed, as spawn.c has it: here one has to wait. */
        for (int i = 0; i < 500 && w.listener_fd < 0; i++) {
                w.listener_fd = filter_load_take_listener();
                if (w.listener_fd < 0)
                        (void) usleep(10000);
        }
        ck_assert_int_ge(w.listener_fd, 0);
        ck_assert_int_eq(filter_load_take_listener(), -EBADF);
        return w;
}

static int stop_watching(Watched *w) {
        int status;

        ck_assert_int_eq(waitpid(w->pid, &status, 0), w->pid);
        (void) close(w->listener_fd);
        filter_done(&w->filter);
        return status;
}

static int wait_for_notice(const Watched *w, struct seccomp_notif *ret) {
        ck_assert_int_gt(fd_wait_for_event(w->listener_fd, POLLIN, now_usec(CLOCK_MONOTONIC) + 20 * USEC_PER_SEC), 0);
        return notice_receive(w->listener_fd, ret);
}

static void make_directory(const Filter *f) {
        (void) syscall(SYS_mkdirat, AT_FDCWD, "/proc/no directory of ours", 0700);
}

START_TEST(test_notice) {
        Watched w = watch(make_directory);
        struct seccomp_notif n;
        char path[64], cut[5];
        uint32_t word;

        /* Does not wait for what is not there. */
        ck_assert_int_eq(notice_receive(w.listener_fd, &n), 0);
        (void) close(w.ready_fd);

        ck_assert_int_eq(wait_for_notice(&w, &n), 1);
        ck_assert_int_eq(n.data.nr, SYS_mkdirat);
        ck_assert_uint_eq(n.data.arch, AUDIT_ARCH_NATIVE);
        ck_assert_uint_eq(n.data.args[2], 0700);
        ck_assert_int_eq(notice_read_string(w.listener_fd, &n, n.data.args[1], path, sizeof(path)), 0);
        ck_assert_str_eq(path, "/proc/no directory of ours");
        ck_assert_int_eq(notice_read_string(w.listener_fd, &n, n.data.args[1], cut, sizeof(cut)), 0);
        ck_assert_str_eq(cut, "/pro");
        ck_assert_int_eq(notice_read(w.listener_fd, &n, n.data.args[1], &word, sizeof(word)), 0);
        ck_assert_mem_eq(&word, "/pro", 4);
        ck_assert_int_eq(notice_read_string(w.listener_fd, &n, 0, path, sizeof(path)), -EFAULT);
        ck_assert_int_eq(notice_read(w.listener_fd, &n, UINT64_MAX - 1, &word, sizeof(word)), -EFAULT);

        notice_continue(w.listener_fd, &n);
        ck_assert_int_eq(stop_watching(&w), 0);
}
END_TEST

/* Killed while it waits: what was read of it does not count, the answer goes nowhere, and the listener has ended. */
START_TEST(test_dead_thread) {
        Watched w = watch(make_directory);
        struct seccomp_notif n;
        char path[64];
        int status;

        (void) close(w.ready_fd);
        ck_assert_int_eq(wait_for_notice(&w, &n), 1);
        ck_assert_int_eq(kill(w.pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(w.pid, &status, 0), w.pid);

        ck_assert_int_eq(notice_read_string(w.listener_fd, &n, n.data.args[1], path, sizeof(path)), -ENOENT);
        notice_continue(w.listener_fd, &n);
        ck_assert_int_eq(notice_receive(w.listener_fd, &n), -EPIPE);

        (void) close(w.listener_fd);
        filter_done(&w.filter);
}
END_TEST

/* Killed before anybody looked: it is not waited for. */
START_TEST(test_vanished_notice) {
        Watched w = watch(make_directory);
        struct seccomp_notif n;
        int status;

        (void) close(w.ready_fd);
        ck_assert_int_gt(fd_wait_for_event(w.listener_fd, POLLIN, now_usec(CLOCK_MONOTONIC) + 20 * USEC_PER_SEC), 0);
        ck_assert_int_eq(kill(w.pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(w.pid, &status, 0), w.pid);
        ck_assert_int_eq(notice_receive(w.listener_fd, &n), -EPIPE);

        (void) close(w.listener_fd);
        filter_done(&w.filter);
}
END_TEST

static void exit_without_the_secret(const Filter *f) {
        syscall(SYS_exit_group, 7, 0, 0, 0, 0, f->secret ^ 1);
}

START_TEST(test_exit) {
        Watched w = watch(exit_without_the_secret);
        struct seccomp_notif n;

        (void) close(w.ready_fd);
        ck_assert_int_eq(wait_for_notice(&w, &n), 1);
        ck_assert_int_eq(n.data.nr, SYS_exit_group);
        notice_continue(w.listener_fd, &n);
        ck_assert_int_eq(WEXITSTATUS(stop_watching(&w)), 7);
}
END_TEST

/* Where there is a listener already. */
START_TEST(test_muted) {
        struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
        struct sock_fprog program = { .len = 1, .filter = all };
        int socket_fd, status;
        bool muted = false;
        Filter f;
        pid_t pid;

        report_some(&f);
        ck_assert_int_eq(filter_load_prepare(&socket_fd), 0);

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) < 0 ||
                    filter_load(&f, socket_fd, &muted) < 0 || !muted)
                        kill(getpid(), SIGKILL);
                make_directory(&f);
                syscall(SYS_exit_group, 0, 0, 0, 0, 0, f.secret);
        }

        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(WTERMSIG(status), SIGSYS);
        ck_assert_int_eq(filter_load_take_listener(), -EBADF);
        filter_done(&f);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_notice, test_dead_thread, test_vanished_notice, test_exit, test_muted };

        return test_run("filter-load", tests, ELEMENTSOF(tests), NULL, NULL);
}
