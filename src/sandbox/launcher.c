/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>

#include "fd-util.h"
#include "launcher.h"
#include "launch.h"
#include "message.h"

bool launcher_run(void) {
        struct clone_args args = {
                .flags = CLONE_NEWPID | CLONE_PARENT | CLONE_INTO_CGROUP | CLONE_PIDFD,
                .cgroup = JUDGEBOX_INIT_CGROUP_FD,
        };
        int pidfd = -EBADF;
        long pid;

        args.pidfd = (uint64_t) (uintptr_t) &pidfd;

        if (unshare(CLONE_NEWCGROUP) < 0) {
                (void) launch_send_failed(JUDGEBOX_INIT_SOCKET_FD, STEP_NAMESPACE, errno);
                return false;
        }

        /* No exit signal may be asked for with CLONE_PARENT: it is that of the launcher itself. */
        pid = syscall(SYS_clone3, &args, sizeof(args));
        if (pid == 0) {
                (void) safe_close(JUDGEBOX_INIT_CGROUP_FD);
                return true;
        }

        if (pid < 0) {
                /* pidfd may have been written all the same, with a number that was never opened. */
                (void) launch_send_failed(JUDGEBOX_INIT_SOCKET_FD, STEP_CGROUP, errno);
                return false;
        }

        (void) launch_send_started(JUDGEBOX_INIT_SOCKET_FD, pidfd);
        (void) safe_close(pidfd);
        return false;
}
