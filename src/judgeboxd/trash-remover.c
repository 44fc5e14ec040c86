/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fd-util.h"
#include "log.h"
#include "trash-remover.h"
#include "tree.h"

/* What it has beside 0 to 2. */
#define TRASH_FD 3
#define WISHES_FD 4

struct TrashRemover {
        char *path;
        int wishes_fd; /* a byte: there is something. -EBADF: it has ended */
        int pidfd;
        sd_event_source *source;
};

static int arrange_descriptors(int trash_fd, int wishes_fd) {
        /* Out of the way first: either may sit where the other belongs. */
        trash_fd = fcntl(trash_fd, F_DUPFD_CLOEXEC, WISHES_FD + 1);
        wishes_fd = fcntl(wishes_fd, F_DUPFD_CLOEXEC, WISHES_FD + 1);
        if (trash_fd < 0 || wishes_fd < 0 || dup2(trash_fd, TRASH_FD) < 0 || dup2(wishes_fd, WISHES_FD) < 0)
                return -errno;

        /* The rest is the daemon's, which may be restarted while this goes on. */
        return RET_NERRNO((int) syscall(SYS_close_range, WISHES_FD + 1, ~0U, 0));
}

/* It has our memory as it was. */
static _noreturn_ void remover_main(const char *path, int trash_fd, int wishes_fd) {
        uint64_t serial = 0;
        TreeRemoval t = { .trash_fd = TRASH_FD, .serial = &serial, .steps_left = UINT64_MAX };
        char wishes[64];
        sigset_t none;
        int r;

        for (int i = 1; i < SIGRTMIN; i++)
                (void) signal(i, SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);

        (void) prctl(PR_SET_NAME, "judgebox-remove");

        if (arrange_descriptors(trash_fd, wishes_fd) < 0)
                _exit(EXIT_FAILURE);

        while (read(WISHES_FD, wishes, sizeof(wishes)) > 0) {
                r = tree_collect(&t);
                if (r < 0)
                        (void) log_warning_errno(r, "Failed to remove what boxes left in %s: %m", path);
        }

        _exit(EXIT_SUCCESS);
}

static int on_gone(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        TrashRemover *t = ASSERT_PTR(userdata);

        (void) waitid(P_PIDFD, (id_t) t->pidfd, &(siginfo_t) {}, WEXITED | WNOHANG);
        log_error("The process that removes what boxes left has ended: it stays in %s until the service is started again.",
                  t->path);

        t->source = sd_event_source_disable_unref(t->source);
        t->pidfd = safe_close(t->pidfd);
        t->wishes_fd = safe_close(t->wishes_fd);
        return 0;
}

static int start(TrashRemover *t, sd_event *event, int trash_fd) {
        _cleanup_close_pair_ int wishes[2] = EBADF_PAIR;
        int pidfd = -EBADF, r;
        struct clone_args args = {
                .flags = CLONE_PIDFD,
                .pidfd = (uint64_t) (uintptr_t) &pidfd,
                .exit_signal = SIGCHLD,
        };
        pid_t pid;

        if (pipe2(wishes, O_CLOEXEC) < 0)
                return -errno;

        r = fd_set_nonblock(wishes[1], true);
        if (r < 0)
                return r;

        pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid == 0)
                remover_main(t->path, trash_fd, wishes[0]);
        t->pidfd = pidfd;
        t->wishes_fd = TAKE_FD(wishes[1]);

        r = sd_event_add_io(event, &t->source, pidfd, EPOLLIN, on_gone, t);
        if (r < 0)
                return r;

        (void) sd_event_source_set_description(t->source, "trash-remover");
        return 0;
}

int trash_remover_new(sd_event *event, int trash_fd, const char *path, TrashRemover **ret) {
        _cleanup_(trash_remover_freep) TrashRemover *t = NULL;
        int r;

        assert(event);
        assert(trash_fd >= 0);
        assert(path);
        assert(ret);

        t = new(TrashRemover, 1);
        if (!t)
                return -ENOMEM;

        *t = (TrashRemover) { .path = strdup(path), .wishes_fd = -EBADF, .pidfd = -EBADF };
        if (!t->path)
                return -ENOMEM;

        r = start(t, event, trash_fd);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(t);
        return 0;
}

TrashRemover *trash_remover_free(TrashRemover *t) {
        if (!t)
                return NULL;

        t->source = sd_event_source_disable_unref(t->source);
        t->wishes_fd = safe_close(t->wishes_fd);
        t->pidfd = safe_close(t->pidfd);
        free(t->path);
        return mfree(t);
}

void trash_remover_wake(TrashRemover *t) {
        assert(t);

        /* Where there is no room for one more wish, it has yet to begin with those that are there. */
        if (t->wishes_fd >= 0 && write(t->wishes_fd, "", 1) < 0 && errno != EAGAIN)
                log_debug_errno(errno, "Failed to wake the process that removes what boxes left: %m");
}
