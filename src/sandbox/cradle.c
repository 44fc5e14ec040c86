/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "cradle-packet.h"
#include "cradle.h"
#include "fd-util.h"
#include "launch.h"
#include "message.h"
#include "net.h"

typedef struct Network {
        int host_fd;  /* the host's */
        bool is_new;  /* we are in one where no box has been */
        Step step;    /* why not */
        int error;
} Network;

/* Leaves the one that the last box has got. */
static int network_renew(Network *n) {
        n->step = STEP_NAMESPACE;
        if (unshare(CLONE_NEWNET) < 0)
                return -errno;

        n->step = STEP_LOOPBACK;
        return net_loopback_up();
}

static int network_choose(Network *n, bool share, Step *ret_step) {
        if (!share) {
                *ret_step = n->step;
                return n->is_new ? 0 : n->error;
        }

        n->is_new = false;
        *ret_step = STEP_NAMESPACE;
        return RET_NERRNO(setns(n->host_fd, CLONE_NEWNET));
}

/* The system calls themselves: glibc's wrappers keep a word about threads that a raw clone did not update. */
static int become_root_of_box(void) {
        if (syscall(SYS_setgroups, 0, NULL) < 0 ||
            syscall(SYS_setresgid, 0, 0, 0) < 0 ||
            syscall(SYS_setresuid, 0, 0, 0) < 0)
                return -errno;

        return 0;
}

/* Should the cradle end first, there is nobody any more who could write them. */
static int wait_for_maps(int mapped[static 2]) {
        ssize_t n;
        char c;

        mapped[1] = safe_close(mapped[1]);
        n = read(mapped[0], &c, 1);
        return n == 1 ? 0 : n < 0 ? -errno : -ECONNRESET;
}

static _noreturn_ void child_main(int socket_fd, int mapped[static 2]) {
        static char *const argv[] = { (char *) "judgebox-init", NULL }, *const envp[] = { NULL };
        Step step = STEP_USER;
        int r;

        r = wait_for_maps(mapped);
        if (r >= 0)
                r = become_root_of_box();
        if (r >= 0) {
                step = STEP_SPAWN;
                r = RET_NERRNO(dup2(socket_fd, JUDGEBOX_INIT_SOCKET_FD));
        }
        if (r >= 0) {
                /* All but this socket and 0 to 2, which are /dev/null, close by themselves. */
                step = STEP_EXEC;
                (void) syscall(SYS_execveat, CRADLE_EXEC_FD, "", argv, envp, AT_EMPTY_PATH);
                r = -errno;
        }

        (void) launch_send_failed(socket_fd, step, r);
        _exit(EXIT_FAILURE);
}

/* As judgeboxd's child, not ours: it waits for it. No exit signal may be asked for then, it is our own. */
static int clone_launcher(const CradleRequest *q, int mapped[static 2], pid_t *ret_pid, int *ret_pidfd) {
        int pidfd = -EBADF;
        struct clone_args args = {
                .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD | CLONE_PARENT |
                                (q->cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
                .pidfd = (uint64_t) (uintptr_t) &pidfd,
                .cgroup = q->cgroup_fd >= 0 ? (uint64_t) q->cgroup_fd : 0,
        };
        pid_t pid;

        pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child_main(q->socket_fd, mapped);

        *ret_pid = pid;
        *ret_pidfd = pidfd;
        return 0;
}

/* Root of the box is uid_base, its user (1000) the next one. From outside, where the rights for it are. */
static int write_maps(pid_t pid, uid_t uid_base) {
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

static int launch(const CradleRequest *q, Network *n, CradleReply *reply) {
        _cleanup_close_pair_ int mapped[2] = EBADF_PAIR;
        int r;

        r = network_choose(n, q->share_network, &reply->step);
        if (r < 0)
                return r;

        reply->step = STEP_NAMESPACE;
        if (pipe2(mapped, O_CLOEXEC) < 0)
                return -errno;

        /* Whatever comes of it: no other box gets what this one may have been in. */
        n->is_new = false;
        r = clone_launcher(q, mapped, &reply->pid, &reply->pidfd);
        if (r < 0)
                return r;

        reply->step = STEP_USER;
        r = write_maps(reply->pid, q->uid_base);
        if (r < 0)
                return r;

        /* With its maps it goes on to execute, while judgeboxd sees to its cgroup. */
        return fd_write_full(mapped[1], "", 1);
}

static int serve(Network *n) {
        CradleReply reply = { .pidfd = -EBADF };
        CradleRequest q;
        int r;

        r = cradle_receive_request(CRADLE_SOCKET_FD, &q);
        if (r < 0)
                return r;

        reply.error = abs(launch(&q, n, &reply));

        /* Before judgeboxd hears of it: the end of that socket is to say that the launcher is gone. */
        (void) safe_close(q.socket_fd);
        (void) safe_close(q.cgroup_fd);

        r = cradle_send_reply(CRADLE_SOCKET_FD, &reply);
        (void) safe_close(reply.pidfd);
        return r;
}

int cradle_run(void) {
        Network network = { .host_fd = -EBADF };
        int r;

        /* Also where judgeboxd is gone and this is in the middle of something. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NAME, "judgebox-cradle") < 0)
                return -errno;

        r = fd_set_cloexec(CRADLE_EXEC_FD, true);
        if (r < 0)
                return r;

        network.host_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (network.host_fd < 0)
                return -errno;

        do {
                /* What fails now is told to the next box that wants one, and tried again for the one after it. */
                if (!network.is_new) {
                        network.error = network_renew(&network);
                        network.is_new = network.error >= 0;
                }

                r = serve(&network);
        } while (r >= 0);

        (void) safe_close(network.host_fd);
        return r == -ECONNRESET ? 0 : r;
}
