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

/* What became of the one that was made ahead. */
typedef struct Network {
        bool refused; /* we have no right to it, as in some containers: then each box makes its own, and has */
        Step step;
        int error;
} Network;

/* Leaves the one that the last box has got. */
static int network_renew(Network *n) {
        int r;

        n->step = STEP_NAMESPACE;
        if (unshare(CLONE_NEWNET) < 0)
                return -errno;

        n->step = STEP_LOOPBACK;
        r = net_loopback_up();
        n->refused = r == -EPERM;
        return n->refused ? 0 : r;
}

static int network_choose(const Network *n, bool share, Step *ret_step) {
        *ret_step = share ? STEP_NAMESPACE : n->step;
        return share ? RET_NERRNO(setns(CRADLE_NETWORK_FD, CLONE_NEWNET)) : n->error;
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

/* What is left of the cradle in its clone: 0 to 2, which are /dev/null, and memory where no other box has been. */
static int become_launcher(int socket_fd, int mapped[static 2], bool own_network) {
        Step step = STEP_USER;
        int r;

        r = wait_for_maps(mapped);
        if (r >= 0)
                r = become_root_of_box();
        if (r >= 0 && own_network) {
                step = STEP_LOOPBACK;
                r = net_loopback_up();
        }
        if (r >= 0) {
                step = STEP_SPAWN;
                /* Another uid has made that 0; but there is something to be written below /proc/self. */
                r = RET_NERRNO(prctl(PR_SET_DUMPABLE, 1));
        }
        if (r >= 0)
                r = RET_NERRNO(prctl(PR_SET_NAME, "judgebox-init"));
        if (r >= 0)
                r = RET_NERRNO(dup2(socket_fd, JUDGEBOX_INIT_SOCKET_FD));
        if (r >= 0)
                r = RET_NERRNO((int) syscall(SYS_close_range, JUDGEBOX_INIT_SOCKET_FD + 1, ~0U, 0));
        if (r < 0)
                (void) launch_send_failed(socket_fd, step, r);

        return r;
}

/* As judgeboxd's child, not ours: it waits for it. No exit signal may be asked for then, it is our own. Returns 1 in the
 * clone. */
static int clone_launcher(const CradleRequest *q, bool own_network, pid_t *ret_pid, int *ret_pidfd) {
        int pidfd = -EBADF;
        struct clone_args args = {
                .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD | CLONE_PARENT |
                                (own_network ? CLONE_NEWNET : 0) | (q->cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
                .pidfd = (uint64_t) (uintptr_t) &pidfd,
                .cgroup = q->cgroup_fd >= 0 ? (uint64_t) q->cgroup_fd : 0,
        };
        pid_t pid;

        pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid == 0)
                return 1;

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

/* Returns 1 in the launcher, once it is one, and does not return there if that fails. */
static int launch(const CradleRequest *q, const Network *n, CradleReply *reply) {
        _cleanup_close_pair_ int mapped[2] = EBADF_PAIR;
        bool own_network = n->refused && !q->share_network;
        int r;

        r = network_choose(n, q->share_network, &reply->step);
        if (r < 0)
                return r;

        reply->step = STEP_NAMESPACE;
        if (pipe2(mapped, O_CLOEXEC) < 0)
                return -errno;

        r = clone_launcher(q, own_network, &reply->pid, &reply->pidfd);
        if (r < 0)
                return r;
        if (r > 0) {
                if (become_launcher(q->socket_fd, mapped, own_network) < 0)
                        _exit(EXIT_FAILURE);

                mapped[0] = mapped[1] = -EBADF;
                return 1;
        }

        reply->step = STEP_USER;
        r = write_maps(reply->pid, q->uid_base);
        if (r < 0)
                return r;

        /* With its maps it goes on, while judgeboxd sees to its cgroup. */
        return fd_write_full(mapped[1], "", 1);
}

static int serve(const Network *n) {
        CradleReply reply = { .pidfd = -EBADF };
        CradleRequest q;
        int r;

        r = cradle_receive_request(CRADLE_SOCKET_FD, &q);
        if (r < 0)
                return r;

        r = launch(&q, n, &reply);
        if (r > 0)
                return r;
        reply.error = abs(r);

        /* Before judgeboxd hears of it: the end of that socket is to say that the launcher is gone. */
        (void) safe_close(q.socket_fd);
        (void) safe_close(q.cgroup_fd);

        r = cradle_send_reply(CRADLE_SOCKET_FD, &reply);
        (void) safe_close(reply.pidfd);
        return r;
}

/* For the next box, with memory of its own at places of its own. */
static int execute_anew(void) {
        static char *const argv[] = { (char *) "judgebox-init", NULL }, *const envp[] = { NULL };

        (void) syscall(SYS_execveat, CRADLE_EXEC_FD, "", argv, envp, AT_EMPTY_PATH);
        return -errno;
}

int cradle_run(void) {
        Network network = {};
        int r;

        /* Also where judgeboxd is gone and this is in the middle of something. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NAME, "judgebox-cradle") < 0)
                return -errno;

        /* What fails now is told to the box that wants it, and tried again for the next. */
        network.error = network_renew(&network);

        r = serve(&network);
        if (r == 0)
                r = execute_anew();
        return r == -ECONNRESET ? 0 : r;
}
