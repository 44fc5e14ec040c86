/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Processes for the tests of cgroups: cloned right into one, as a run is. */

#include <check.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fd-util.h"

/* As fork(), but the child begins in the cgroup (-EBADF: where we are), and ret_pidfd is opened. */
static inline pid_t clone_into(int cgroup_fd, int *ret_pidfd) {
        int pidfd = -EBADF;
        struct clone_args args = {
                .flags = CLONE_PIDFD | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
                .exit_signal = SIGCHLD,
                .pidfd = (uint64_t) (uintptr_t) &pidfd,
                .cgroup = cgroup_fd >= 0 ? (uint64_t) cgroup_fd : 0,
        };

        pid_t pid;

        /* Where the cgroup refuses, the kernel has already written the number of a descriptor that it then does
         * not open. */
        pid = (pid_t) RET_NERRNO((int) syscall(SYS_clone3, &args, sizeof(args)));
        if (pid > 0)
                *ret_pidfd = pidfd;

        return pid;
}

/* A child that does nothing until it is killed, and holds nothing, as if it had executed a program: neither a
 * manager's lock nor a pipe. */
static inline pid_t clone_sleeper(int cgroup_fd) {
        _cleanup_close_ int pidfd = -EBADF;
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        pid_t pid;
        char c;

        if (pipe2(p, O_CLOEXEC) < 0)
                return -errno;

        pid = clone_into(cgroup_fd, &pidfd);
        if (pid == 0) {
                if (close_range(3, ~0U, 0) < 0)
                        _exit(EXIT_FAILURE);
                for (;;)
                        (void) pause();
        }

        /* Until it really holds nothing. */
        p[1] = safe_close(p[1]);
        if (pid > 0 && read(p[0], &c, 1) != 0)
                return -EIO;

        return pid;
}

/* Its end (-1: any child's): the exit status, or 1000 and the signal. */
static inline int wait_for(pid_t pid) {
        int status;

        ck_assert_int_gt(waitpid(pid, &status, 0), 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline int clone_and_wait(int cgroup_fd, int (*function)(void *), void *userdata) {
        _cleanup_close_ int pidfd = -EBADF;
        pid_t pid;

        pid = clone_into(cgroup_fd, &pidfd);
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(function(userdata));

        return wait_for(pid);
}
