/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "private.h"
#include "self.h"
#include "string-util.h"

#define PRIVATE_FD 3
#define PRIVATE_STOP_USEC (10 * USEC_PER_SEC)

DEFINE_VOID_CLEANUP_FUNC(posix_spawn_file_actions_t *, posix_spawn_file_actions_destroy, file_actions_destroyp);
DEFINE_VOID_CLEANUP_FUNC(posix_spawnattr_t *, posix_spawnattr_destroy, spawnattr_destroyp);

/* The daemon gets the socket as descriptor 3, our standard error for its log, and nothing else of ours: the
 * program's streams travel over the socket. It has a session of its own, so that ^C at our terminal is ours to
 * handle and no terminal is within its reach. */
static int spawn(const char *path, bool degrade, int fd, pid_t *ret) {
        posix_spawn_file_actions_t actions_storage;
        _cleanup_(file_actions_destroyp) posix_spawn_file_actions_t *actions = NULL;
        posix_spawnattr_t attributes_storage;
        _cleanup_(spawnattr_destroyp) posix_spawnattr_t *attributes = NULL;
        char *argv[] = {
                (char *) path,
                (char *) "--private-fd=" STRINGIFY(PRIVATE_FD),
                degrade ? (char *) "--degrade" : NULL,
                NULL,
        };
        sigset_t none, all;
        int r;

        (void) sigemptyset(&none);
        (void) sigfillset(&all);

        r = posix_spawn_file_actions_init(&actions_storage);
        if (r != 0)
                return -r;
        actions = &actions_storage;

        r = posix_spawnattr_init(&attributes_storage);
        if (r != 0)
                return -r;
        attributes = &attributes_storage;

        r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ?:
            posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) ?:
            /* dup2() onto itself would leave close-on-exec set; glibc's spawn clears it then, as POSIX asks. */
            posix_spawn_file_actions_adddup2(actions, fd, PRIVATE_FD) ?:
            posix_spawn_file_actions_addclosefrom_np(actions, PRIVATE_FD + 1) ?:
            posix_spawnattr_setsigmask(attributes, &none) ?:
            posix_spawnattr_setsigdefault(attributes, &all) ?:
            posix_spawnattr_setflags(attributes,
                                     POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ?:
            posix_spawn(ret, path, actions, attributes, argv, environ);

        return -r;
}

int private_daemon_start(bool degrade, PrivateDaemon *ret, int *ret_fd) {
        _cleanup_close_pair_ int pair[2] = EBADF_PAIR;
        PrivateDaemon d = PRIVATE_DAEMON_NULL;
        _cleanup_free_ char *beside = NULL;
        const char *path = SBINDIR "/judgeboxd";
        int r;

        assert(ret);
        assert(ret_fd);

        r = self_find_beside("judgeboxd", &beside);
        if (r < 0 && r != -ENOENT)
                return log_error_errno(r, "Failed to find my own executable: %m");
        if (beside)
                path = beside;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return log_error_errno(errno, "Failed to make a socketpair: %m");

        r = spawn(path, degrade, pair[1], &d.pid);
        if (r < 0)
                return log_error_errno(r, "Failed to start %s: %m", path);

        /* Not reaped yet, so the pid is still its own. */
        d.pidfd = pidfd_open(d.pid, 0);
        if (d.pidfd < 0)
                log_debug("No pidfd for judgeboxd; waiting for it without a time limit.");

        *ret = d;
        *ret_fd = TAKE_FD(pair[0]);
        return 0;
}

void private_daemon_wait(PrivateDaemon *d) {
        siginfo_t si = {};
        int r;

        assert(d);

        if (d->pid <= 0)
                return;

        if (d->pidfd >= 0 &&
            fd_wait_for_event(d->pidfd, POLLIN, usec_add(now_usec(CLOCK_MONOTONIC), PRIVATE_STOP_USEC)) == 0) {
                log_warning("The private judgeboxd does not end by itself; killing it.");
                (void) pidfd_send_signal(d->pidfd, SIGKILL, NULL, 0);
        }

        do
                r = waitid(P_PID, (id_t) d->pid, &si, WEXITED);
        while (r < 0 && errno == EINTR);

        if (r < 0)
                (void) log_error_errno(errno, "Failed to wait for judgeboxd: %m");
        else if (si.si_code != CLD_EXITED)
                log_error("The private judgeboxd was killed by signal %i (%s).", si.si_status,
                          strsignal(si.si_status));
        else if (si.si_status != 0)
                log_error("The private judgeboxd ended with exit status %i.", si.si_status);

        d->pidfd = safe_close(d->pidfd);
        *d = PRIVATE_DAEMON_NULL;
}
