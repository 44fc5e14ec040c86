/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "fd-util.h"
#include "launcher.h"
#include "launch.h"
#include "message.h"

/* PID 1 tells of itself, and not the launcher of it: what it answers on the same socket must come after this. */
static bool report_started(void) {
        _cleanup_close_ int pidfd = -EBADF;

        pidfd = (int) syscall(SYS_pidfd_open, getpid(), 0);
        if (pidfd < 0) {
                (void) launch_send_failed(JUDGEBOX_INIT_SOCKET_FD, STEP_SPAWN, errno);
                return false;
        }

        return launch_send_started(JUDGEBOX_INIT_SOCKET_FD, pidfd) >= 0;
}

/* The clocks of a box begin with it: how long the host is up is nothing that a program should know, nor may it tell one
 * box from the other. A second is there already, because to many 0 means "never". Of use to children only, and only
 * until there is one may it be set. */
static int start_clocks(void) {
        struct timespec monotonic, boottime;
        char offsets[96];

        if (unshare(CLONE_NEWTIME) < 0)
                return errno == EINVAL ? 0 : -errno; /* a kernel without */

        if (clock_gettime(CLOCK_MONOTONIC, &monotonic) < 0 || clock_gettime(CLOCK_BOOTTIME, &boottime) < 0)
                return -errno;

        (void) snprintf(offsets, sizeof(offsets), "monotonic %lli 0\nboottime %lli 0\n",
                        1 - (long long) monotonic.tv_sec, 1 - (long long) boottime.tv_sec);
        return write_string_file_at(AT_FDCWD, "/proc/self/timens_offsets", offsets);
}

/* Returns 1 in PID 1, 0 in the launcher when all is well. */
static int launch(Step *ret_step) {
        struct clone_args args = { .flags = CLONE_NEWPID | CLONE_PARENT | CLONE_INTO_CGROUP };
        _cleanup_close_ int supervisor_fd = -EBADF;
        long pid;
        int r;

        *ret_step = STEP_NAMESPACE;
        r = start_clocks();
        if (r < 0)
                return r;

        *ret_step = STEP_CGROUP;
        r = launch_receive_go(JUDGEBOX_INIT_SOCKET_FD, &supervisor_fd);
        if (r < 0)
                return r;

        /* Only now we are in the box's cgroup, where it is to begin. */
        *ret_step = STEP_NAMESPACE;
        if (unshare(CLONE_NEWCGROUP) < 0)
                return -errno;

        /* No exit signal may be asked for with CLONE_PARENT: it is that of the launcher itself. */
        *ret_step = STEP_CGROUP;
        args.cgroup = (uint64_t) supervisor_fd;
        pid = syscall(SYS_clone3, &args, sizeof(args));
        return pid < 0 ? -errno : pid == 0;
}

bool launcher_run(void) {
        Step step;
        int r;

        r = launch(&step);
        if (r > 0)
                return report_started();

        if (r < 0)
                (void) launch_send_failed(JUDGEBOX_INIT_SOCKET_FD, step, r);
        return false;
}
