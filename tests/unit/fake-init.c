/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stands in for judgebox-init in test-box-launch: is the cradle, and as a launcher does what the name of its box says. */

#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cradle.h"
#include "fd-util.h"
#include "launch.h"
#include "message.h"

typedef enum Pid1 {
        PID1_SPEAKS,
        PID1_SPEAKS_LATE,
        PID1_IS_SILENT,
        PID1_DIES,
} Pid1;

static void clone_pid1(int supervisor_fd, Pid1 what) {
        struct clone_args args = {
                .flags = CLONE_NEWPID | CLONE_PARENT | CLONE_INTO_CGROUP,
                .cgroup = (uint64_t) supervisor_fd,
        };

        if (syscall(SYS_clone3, &args, sizeof(args)) != 0)
                return;

        if (what == PID1_DIES)
                _exit(EXIT_FAILURE);
        if (what == PID1_SPEAKS_LATE)
                (void) usleep(200000);
        if (what != PID1_IS_SILENT)
                (void) launch_send_started(JUDGEBOX_INIT_SOCKET_FD, (int) syscall(SYS_pidfd_open, getpid(), 0));
        for (;;)
                (void) pause();
}

/* What a box has of the daemon's. */
static int count_descriptors(void) {
        int n = 0;

        for (int i = 0; i < 4096; i++)
                n += fcntl(i, F_GETFD) >= 0;
        return n;
}

int main(void) {
        int n_fds, supervisor_fd;
        char path[4096];
        const char *mode;
        ssize_t n;

        if (cradle_run() <= 0)
                return EXIT_FAILURE;

        n_fds = count_descriptors();
        if (launch_receive_go(JUDGEBOX_INIT_SOCKET_FD, &supervisor_fd) < 0)
                return EXIT_FAILURE;

        n = readlink(FD_PATH(supervisor_fd), path, sizeof(path) - 1);
        if (n < 0)
                return EXIT_FAILURE;
        path[n] = '\0';

        /* …/0-MODE/supervisor */
        path[n - (ssize_t) strlen("/supervisor")] = '\0';
        mode = strrchr(path, '-') + 1;

        if (strcmp(mode, "good") == 0) {
                sigset_t mask;

                /* 0 to 3, and nothing else; root of the box, no signal blocked. */
                if (n_fds != 4 || getuid() != 0 || getgid() != 0 || getgroups(0, NULL) != 0 ||
                    sigprocmask(SIG_SETMASK, NULL, &mask) < 0 || sigismember(&mask, SIGTERM) != 0)
                        (void) launch_send_failed(JUDGEBOX_INIT_SOCKET_FD, STEP_DESCRIPTORS, EBADF);
                else
                        clone_pid1(supervisor_fd, PID1_SPEAKS);
        } else if (strcmp(mode, "refused") == 0)
                (void) launch_send_failed(JUDGEBOX_INIT_SOCKET_FD, STEP_NAMESPACE, EPERM);
        else if (strcmp(mode, "garbage") == 0)
                (void) send(JUDGEBOX_INIT_SOCKET_FD, "garbage", 7, 0);
        else if (strcmp(mode, "late") == 0)
                clone_pid1(supervisor_fd, PID1_SPEAKS_LATE);
        else if (strcmp(mode, "stray") == 0)
                clone_pid1(supervisor_fd, PID1_IS_SILENT);
        else if (strcmp(mode, "dies") == 0)
                clone_pid1(supervisor_fd, PID1_DIES);
        else if (strcmp(mode, "hangs") == 0)
                for (;;)
                        (void) pause();

        return EXIT_SUCCESS;
}
