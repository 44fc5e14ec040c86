/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "copy.h"
#include "fd-util.h"
#include "slow-close.h"
#include "slow-copy.h"

/* A server that has taken a request keeps even a killed process waiting for the answer. */
#define GIVEN_UP_MAX 32U

struct SlowCopy {
        pid_t pid;
        int result_fd; /* where the process says an int */
        int target_fd; /* the caller's */
        off_t size;    /* of the target, when it was last looked at */
        nsec_t check, deadline;
};

static size_t n_copies = 0;
static pid_t given_up[GIVEN_UP_MAX];
static size_t n_given_up = 0;

static bool is_reaped(pid_t pid) {
        return waitpid(pid, NULL, WNOHANG | __WALL) != 0;
}

static void reap(void) {
        for (size_t i = 0; i < n_given_up;)
                if (is_reaped(given_up[i]))
                        given_up[i] = given_up[--n_given_up];
                else
                        i++;
}

static _noreturn_ void copy_main(int source_fd, int target_fd, int result_fd, uint64_t max_bytes) {
        Copy c;
        int r;

        (void) prctl(PR_SET_NAME, "judgebox-copy");

        /* It holds a copy of every descriptor of ours: a pipe of a program's would not come to its end before this does. */
        r = slow_close_others((int[]) { source_fd, target_fd, result_fd }, 3);
        if (r >= 0)
                r = copy_begin(source_fd, target_fd, max_bytes, &c);
        if (r >= 0)
                do
                        r = copy_step(&c);
                while (r > 0);

        /* A program that somebody has open for writing cannot be executed. */
        (void) close(target_fd);

        /* Said before it ends, for which it may have to wait again: to close the source asks its server too. */
        (void) !write(result_fd, &r, sizeof(r));
        _exit(EXIT_SUCCESS);
}

int slow_copy_start(int source_fd, int target_fd, uint64_t max_bytes, nsec_t deadline, SlowCopy **ret) {
        struct clone_args args = {};
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        nsec_t now = now_nsec(CLOCK_MONOTONIC);
        SlowCopy *c;
        pid_t pid;

        assert(source_fd >= 0);
        assert(target_fd >= 0);
        assert(ret);

        if (now >= deadline)
                return -ETIMEDOUT;

        reap();
        if (n_copies >= SLOW_COPIES_MAX || n_copies + n_given_up >= GIVEN_UP_MAX)
                return -EAGAIN;

        if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;

        c = new(SlowCopy, 1);
        if (!c)
                return -ENOMEM;

        pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0) {
                free(c);
                return -errno;
        }
        if (pid == 0)
                copy_main(source_fd, target_fd, p[1], max_bytes);

        *c = (SlowCopy) {
                .pid = pid,
                .result_fd = TAKE_FD(p[0]),
                .target_fd = target_fd,
                .check = MIN(now + SLOW_COPY_STALL_NSEC, deadline),
                .deadline = deadline,
        };
        n_copies++;

        *ret = c;
        return 0;
}

SlowCopy *slow_copy_free(SlowCopy *c) {
        if (!c)
                return NULL;

        (void) kill(c->pid, SIGKILL);
        if (!is_reaped(c->pid))
                given_up[n_given_up++] = c->pid;
        n_copies--;

        (void) safe_close(c->result_fd);
        return mfree(c);
}

int slow_copy_get_fd(const SlowCopy *c) {
        assert(c);

        return c->result_fd;
}

int slow_copy_advance(SlowCopy *c, nsec_t now) {
        struct stat st;
        ssize_t n;
        int result;

        assert(c);

        n = read(c->result_fd, &result, sizeof(result));
        if (n == sizeof(result))
                return MIN(result, 0);
        if (n >= 0 || !IN_SET(errno, EAGAIN, EINTR))
                return -EIO; /* somebody killed it */

        if (now < c->check)
                return 1;

        if (fstat(c->target_fd, &st) < 0)
                return -errno;
        if (st.st_size == c->size || now >= c->deadline)
                return -ETIMEDOUT;

        c->size = st.st_size;
        c->check = MIN(now + SLOW_COPY_STALL_NSEC, c->deadline);
        return 1;
}

nsec_t slow_copy_next_check(const SlowCopy *c) {
        assert(c);

        return c->check;
}
