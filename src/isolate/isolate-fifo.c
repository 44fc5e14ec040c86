/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "isolate-fifo.h"
#include "isolate-request.h"
#include "log.h"
#include "string-util.h"

/* Of the directories that are seen inside, the nearest above. path: without a slash in front. */
static const DirRule *find_rule(const Isolate *i, const char *path, const char **ret_rest) {
        const DirRules *rules = &i->options.rules;
        const DirRule *found = NULL;

        for (size_t k = 0; k < rules->n; k++) {
                const DirRule *rule = dir_rules_find(rules, rules->items[k].inside, i->options.default_rules);
                const char *rest = rule ? startswith(path, rule->inside) : NULL;

                if (!rest || *rest != '/' || (found && strlen(rule->inside) < strlen(found->inside)))
                        continue;

                found = rule;
                *ret_rest = rest + strspn(rest, "/");
        }

        return found;
}

/* A program may have been at work there: no link is followed, and nothing is opened before it is known for what it is. */
static int open_path(int dir_fd, const char *path) {
        struct open_how how = {
                .flags = O_PATH | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };

        return RET_NERRNO((int) syscall(SYS_openat2, dir_fd, path, &how, sizeof(how)));
}

static int find_fifo(Isolate *i, const char *path, int *ret_fd) {
        _cleanup_close_ int dir_fd = -EBADF, fd = -EBADF;
        _cleanup_free_ char *whole = NULL;
        const DirRule *rule;
        const char *rest;
        struct stat st;

        whole = path[0] == '/' ? strdup(path + strspn(path, "/")) : strprintf("box/%s", path);
        if (!whole)
                return log_oom();

        /* What is at fault with the rule itself is told where the rule is put into the request. */
        rule = find_rule(i, whole, &rest);
        if (!rule || (rule->flags & DIR_FS) || streq(rule->inside, "dev"))
                return 0;

        dir_fd = isolate_rule_open(i, rule);
        if (dir_fd < 0)
                return 0;

        fd = open_path(dir_fd, rest);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
                return 0;

        *ret_fd = TAKE_FD(fd);
        return 1;
}

/* In a process of its own, because only the end of it ends such a wait: sends the descriptor, or what went wrong. */
static pid_t opener_start(int path_fd, bool input, int *ret_socket_fd) {
        _cleanup_close_pair_ int pair[2] = EBADF_PAIR;
        pid_t parent = getpid(), pid;
        int fd, error;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid > 0) {
                *ret_socket_fd = TAKE_FD(pair[0]);
                return pid;
        }

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);

        fd = open(FD_PATH(path_fd), (input ? O_RDONLY : O_WRONLY) | O_CLOEXEC | O_NOCTTY);
        error = fd < 0 ? errno : 0;
        _exit(send_with_fds(pair[1], &error, sizeof(error), &fd, fd >= 0, 0) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int opener_wait(Isolate *i, int socket_fd, usec_t deadline) {
        struct pollfd p[] = {
                { .fd = socket_fd, .events = POLLIN },
                { .fd = i->context.interrupt.fd, .events = POLLIN },
        };

        for (;;) {
                usec_t now = now_usec(CLOCK_MONOTONIC), left = usec_sub(deadline, now);

                if (left == 0)
                        return -ETIME;
                if (poll(p, ELEMENTSOF(p),
                         left == USEC_INFINITY ? -1 : (int) MIN(left / USEC_PER_MSEC + 1, (usec_t) INT_MAX)) < 0 &&
                    errno != EINTR)
                        return -errno;
                if (interrupt_check(&i->context.interrupt))
                        return -EINTR;
                if (p[0].revents != 0)
                        return 0;
        }
}

static int opener_receive(int socket_fd, int *ret_fd) {
        size_t n_fds;
        ssize_t n;
        int error;

        n = recv_with_fds(socket_fd, &error, sizeof(error), ret_fd, 1, &n_fds, 0);
        if (n < 0)
                return (int) n;
        if (n != sizeof(error) || (error == 0 && n_fds != 1))
                return -EIO;

        return -error;
}

int isolate_fifo_open(Isolate *i, const char *path, bool input, usec_t deadline, int *ret_fd) {
        _cleanup_close_ int path_fd = -EBADF, socket_fd = -EBADF;
        pid_t pid;
        int r;

        assert(i);
        assert(path);
        assert(ret_fd);

        r = find_fifo(i, path, &path_fd);
        if (r <= 0)
                return r;

        isolate_tell(i, "Waiting for the other end of %s\n", path);
        pid = opener_start(path_fd, input, &socket_fd);
        if (pid < 0)
                return isolate_fail(i, "Cannot open %s: %s", path, strerror(-pid));

        r = opener_wait(i, socket_fd, deadline);
        if (r >= 0)
                r = opener_receive(socket_fd, ret_fd);

        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);

        if (r == -ETIME || r == -EINTR)
                return r;
        return r < 0 ? isolate_fail(i, "open(\"%s\"): %s", path, strerror(-r)) : 1;
}
