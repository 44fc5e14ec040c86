/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/sched.h>
#include <sched.h>
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

bool launcher_run(void) {
        struct clone_args args = {
                .flags = CLONE_NEWPID | CLONE_PARENT | CLONE_INTO_CGROUP,
                .cgroup = JUDGEBOX_INIT_CGROUP_FD,
        };
        long pid;

        if (unshare(CLONE_NEWCGROUP) < 0) {
                (void) launch_send_failed(JUDGEBOX_INIT_SOCKET_FD, STEP_NAMESPACE, errno);
                return false;
        }

        /* No exit signal may be asked for with CLONE_PARENT: it is that of the launcher itself. */
        pid = syscall(SYS_clone3, &args, sizeof(args));
        if (pid == 0) {
                (void) safe_close(JUDGEBOX_INIT_CGROUP_FD);
                return report_started();
        }

        if (pid < 0)
                (void) launch_send_failed(JUDGEBOX_INIT_SOCKET_FD, STEP_CGROUP, errno);
        return false;
}
