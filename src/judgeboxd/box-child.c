/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box-child.h"
#include "box-slots.h"
#include "fd-util.h"
#include "launch.h"
#include "message.h"

/* Where the child keeps judgebox-init: right above the two that it is started with. */
#define CHILD_EXEC_FD (JUDGEBOX_INIT_CGROUP_FD + 1)

static void reset_signals(void) {
        struct sigaction dfl = { .sa_handler = SIG_DFL };
        sigset_t none;

        /* execve() resets handlers, but what is ignored would stay so in every program. */
        for (int i = 1; i < SIGRTMIN; i++)
                (void) sigaction(i, &dfl, NULL);

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static int arrange_descriptors(int exec_fd, int socket_fd) {
        int null_fd;

        /* Before anything else: the table is still the daemon's own. */
        if (syscall(SYS_close_range, BOX_SLOTS_END, ~0U, CLOSE_RANGE_UNSHARE) < 0)
                return -errno;

        /* Out of the way first: any of them may sit where another belongs. */
        exec_fd = fcntl(exec_fd, F_DUPFD_CLOEXEC, CHILD_EXEC_FD + 1);
        socket_fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, CHILD_EXEC_FD + 1);
        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (exec_fd < 0 || socket_fd < 0 || null_fd < 0)
                return -errno;

        for (int i = 0; i < 3; i++)
                if (null_fd == i ? fcntl(null_fd, F_SETFD, 0) < 0 : dup2(null_fd, i) < 0)
                        return -errno;

        if (dup2(socket_fd, JUDGEBOX_INIT_SOCKET_FD) < 0 || dup3(exec_fd, CHILD_EXEC_FD, O_CLOEXEC) < 0)
                return -errno;

        (void) close(JUDGEBOX_INIT_CGROUP_FD);
        return RET_NERRNO((int) syscall(SYS_close_range, CHILD_EXEC_FD + 1, ~0U, 0));
}

static int wait_for_go(void) {
        int fd, r;

        r = launch_receive_go(JUDGEBOX_INIT_SOCKET_FD, &fd);
        if (r < 0)
                return r;

        if (fd == JUDGEBOX_INIT_CGROUP_FD)
                return RET_NERRNO(fcntl(fd, F_SETFD, 0));

        return RET_NERRNO(dup2(fd, JUDGEBOX_INIT_CGROUP_FD));
}

/* The system calls themselves: glibc's wrappers keep a word about threads that a raw clone did not update. */
static int become_root_of_box(void) {
        if (syscall(SYS_setgroups, 0, NULL) < 0 ||
            syscall(SYS_setresgid, 0, 0, 0) < 0 ||
            syscall(SYS_setresuid, 0, 0, 0) < 0)
                return -errno;

        return 0;
}

static _noreturn_ void child_main(int exec_fd, int socket_fd) {
        static char *const argv[] = { (char *) "judgebox-init", NULL }, *const envp[] = { NULL };
        Step step = STEP_SPAWN;
        int r;

        r = arrange_descriptors(exec_fd, socket_fd);
        if (r >= 0) {
                reset_signals();
                step = STEP_CGROUP;
                r = wait_for_go();
        }
        if (r >= 0) {
                step = STEP_USER;
                r = become_root_of_box();
        }
        if (r >= 0) {
                step = STEP_EXEC;
                (void) syscall(SYS_execveat, CHILD_EXEC_FD, "", argv, envp, AT_EMPTY_PATH);
                r = -errno;
        }

        (void) launch_send_failed(JUDGEBOX_INIT_SOCKET_FD, step, r);
        _exit(EXIT_FAILURE);
}

int box_child_clone(int exec_fd, int socket_fd, int cgroup_fd, bool share_network, pid_t *ret_pid, int *ret_pidfd) {
        int pidfd = -EBADF;
        struct clone_args args = {
                .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD |
                                CLONE_FILES | (share_network ? 0 : CLONE_NEWNET) | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
                .pidfd = (uint64_t) (uintptr_t) &pidfd,
                .exit_signal = SIGCHLD,
                .cgroup = cgroup_fd >= 0 ? (uint64_t) cgroup_fd : 0,
        };
        pid_t pid;

        assert(exec_fd >= 0 && exec_fd < BOX_SLOTS_END);
        assert(socket_fd >= 0 && socket_fd < BOX_SLOTS_END);
        assert(ret_pid);
        assert(ret_pidfd);

        pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child_main(exec_fd, socket_fd);

        *ret_pid = pid;
        *ret_pidfd = pidfd;
        return 0;
}

int box_child_write_maps(pid_t pid, uid_t uid_base) {
        char path[sizeof("/proc//uid_map") + 10], map[64];
        int r;

        (void) snprintf(map, sizeof(map), "0 %u 1\n1000 %u 1\n", uid_base, uid_base + 1);

        (void) snprintf(path, sizeof(path), "/proc/%i/uid_map", pid);
        r = write_string_file_at(AT_FDCWD, path, map);
        if (r < 0)
                return r;

        (void) snprintf(path, sizeof(path), "/proc/%i/gid_map", pid);
        return write_string_file_at(AT_FDCWD, path, map);
}
