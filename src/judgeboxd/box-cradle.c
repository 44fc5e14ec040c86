/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/close_range.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "box-cradle.h"
#include "fd-util.h"
#include "hash.h"
#include "log.h"

struct CradleWish {
        CradleRequest request;
        cradle_cloned_t callback; /* NULL: forgotten */
        void *userdata;
        CradleWish *next;
};

struct BoxCradle {
        sd_event *event;
        int pidfd;
        int socket_fd; /* -EBADF: it is gone */
        sd_event_source *source;
        sd_event_source *next_source; /* for what can be told or sent without waiting for it */
        CradleWish *wishes;
        bool asked; /* for the first of them */
        cradle_gone_t gone;
        void *userdata;
};

static void reset_signals(void) {
        struct sigaction dfl = { .sa_handler = SIG_DFL };
        sigset_t none;

        /* execve() resets handlers, but what is ignored would stay so in every program. */
        for (int i = 1; i < SIGRTMIN; i++)
                (void) sigaction(i, &dfl, NULL);

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static int arrange_descriptors(int init_fd, int socket_fd) {
        int null_fd, network_fd;

        /* Out of the way first: any of them may sit where another belongs. */
        init_fd = fcntl(init_fd, F_DUPFD_CLOEXEC, CRADLE_NETWORK_FD + 1);
        socket_fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, CRADLE_NETWORK_FD + 1);
        if (init_fd < 0 || socket_fd < 0)
                return -errno;

        if (syscall(SYS_close_range, 0, CRADLE_NETWORK_FD, 0) < 0)
                return -errno;

        null_fd = open("/dev/null", O_RDWR | O_NOCTTY);
        network_fd = open("/proc/self/ns/net", O_RDONLY);
        if (null_fd < 0 || network_fd < 0)
                return -errno;

        if (dup2(network_fd, CRADLE_NETWORK_FD) < 0 || dup2(init_fd, CRADLE_EXEC_FD) < 0 ||
            dup2(socket_fd, CRADLE_SOCKET_FD) < 0)
                return -errno;

        /* null_fd is 0. */
        if (dup2(null_fd, STDOUT_FILENO) < 0 || dup2(null_fd, STDERR_FILENO) < 0)
                return -errno;

        return RET_NERRNO((int) syscall(SYS_close_range, CRADLE_NETWORK_FD + 1, ~0U, 0));
}

static _noreturn_ void child_main(int init_fd, int socket_fd) {
        static char *const argv[] = { (char *) "judgebox-init", NULL }, *const envp[] = { NULL };

        reset_signals();
        if (arrange_descriptors(init_fd, socket_fd) >= 0)
                (void) syscall(SYS_execveat, CRADLE_EXEC_FD, "", argv, envp, AT_EMPTY_PATH);

        _exit(EXIT_FAILURE);
}

static int start(BoxCradle *c, int init_fd) {
        _cleanup_close_pair_ int pair[2] = EBADF_PAIR;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child_main(init_fd, pair[1]);

        c->pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (c->pidfd < 0) {
                int error = errno;

                /* It sees the end of the socket. */
                pair[0] = safe_close(pair[0]);
                pair[1] = safe_close(pair[1]);
                (void) waitpid(pid, NULL, 0);
                return -error;
        }

        c->socket_fd = TAKE_FD(pair[0]);
        return fd_set_nonblock(c->socket_fd, true);
}

static void want_next(BoxCradle *c) {
        (void) sd_event_source_set_enabled(c->next_source, SD_EVENT_ONESHOT);
}

/* The wish is over. What comes back for one that was forgotten nobody has ever told "go". */
static void wish_answer(BoxCradle *c, CradleReply *p) {
        CradleWish *w = c->wishes;

        c->wishes = w->next;
        c->asked = false;

        if (w->callback)
                w->callback(p, w->userdata);
        else if (p->pidfd >= 0) {
                (void) syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
                (void) waitid(P_PIDFD, (id_t) p->pidfd, &(siginfo_t) {}, WEXITED);
                (void) safe_close(p->pidfd);
        }

        free(w);
}

/* For good: the end of the socket alone would not say whether it still does something. */
static void cradle_end(BoxCradle *c) {
        c->source = sd_event_source_unref(c->source);
        c->socket_fd = safe_close(c->socket_fd);

        if (c->pidfd < 0)
                return;

        (void) syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
        (void) waitid(P_PIDFD, (id_t) c->pidfd, &(siginfo_t) {}, WEXITED);
        c->pidfd = safe_close(c->pidfd);
}

static void cradle_fail(BoxCradle *c, int r) {
        (void) log_error_errno(r, "The process that boxes are cloned from has failed: %m");
        cradle_end(c);

        want_next(c);
        if (c->gone)
                c->gone(c, c->userdata);
}

static int on_reply(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        BoxCradle *c = ASSERT_PTR(userdata);
        CradleReply reply;
        int r;

        r = cradle_receive_reply(c->socket_fd, &reply);
        if (r == -EAGAIN)
                return 0;
        if (r >= 0 && !c->asked) {
                (void) safe_close(reply.pidfd);
                r = -EBADMSG;
        }
        if (r < 0) {
                cradle_fail(c, r);
                return 0;
        }

        wish_answer(c, &reply);
        want_next(c);
        return 0;
}

/* It reads whenever there is nothing that it has not answered, so there is room. */
static int ask_for_first(BoxCradle *c) {
        int r;

        r = cradle_send_request(c->socket_fd, &c->wishes->request);
        c->asked = r >= 0;
        return r;
}

static int on_next(sd_event_source *s, void *userdata) {
        BoxCradle *c = ASSERT_PTR(userdata);
        int r;

        /* Nobody knows whether the one that it was at was cloned: if so, it ends for want of its maps or its "go". */
        while (c->socket_fd < 0 && c->wishes)
                wish_answer(c, &(CradleReply) { .pidfd = -EBADF, .step = STEP_SPAWN, .error = ECONNRESET });

        /* Forgotten before their turn. */
        while (c->wishes && !c->asked && !c->wishes->callback)
                wish_answer(c, &(CradleReply) { .pidfd = -EBADF });

        if (!c->wishes || c->asked)
                return 0;

        r = ask_for_first(c);
        if (r < 0)
                cradle_fail(c, r);
        return 0;
}

static int add_sources(BoxCradle *c) {
        int r;

        r = sd_event_add_io(c->event, &c->source, c->socket_fd, EPOLLIN, on_reply, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(c->source, "box-cradle");

        r = sd_event_add_defer(c->event, &c->next_source, on_next, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(c->next_source, "box-cradle-next");

        return sd_event_source_set_enabled(c->next_source, SD_EVENT_OFF);
}

int box_cradle_new(sd_event *event, int init_fd, BoxCradle **ret) {
        _cleanup_(box_cradle_freep) BoxCradle *c = NULL;
        int r;

        assert(event);
        assert(init_fd >= 0);
        assert(ret);

        c = new(BoxCradle, 1);
        if (!c)
                return -ENOMEM;

        *c = (BoxCradle) { .event = sd_event_ref(event), .pidfd = -EBADF, .socket_fd = -EBADF };

        r = start(c, init_fd);
        if (r >= 0)
                r = add_sources(c);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

BoxCradle *box_cradle_free(BoxCradle *c) {
        if (!c)
                return NULL;

        cradle_end(c);
        while (c->wishes)
                wish_answer(c, &(CradleReply) { .pidfd = -EBADF, .step = STEP_SPAWN, .error = ECANCELED });

        c->next_source = sd_event_source_unref(c->next_source);
        c->event = sd_event_unref(c->event);
        return mfree(c);
}

void box_cradle_set_gone_handler(BoxCradle *c, cradle_gone_t callback, void *userdata) {
        assert(c);

        c->gone = callback;
        c->userdata = userdata;
}

int box_cradle_ask(BoxCradle *c, const CradleRequest *q, cradle_cloned_t callback, void *userdata, CradleWish **ret) {
        CradleWish *w;

        assert(c);
        assert(q);
        assert(callback);
        assert(ret);

        w = new(CradleWish, 1);
        if (!w)
                return -ENOMEM;

        *w = (CradleWish) { .request = *q, .callback = callback, .userdata = userdata };
        LL_APPEND(c->wishes, w);

        /* What fails here fails there again, and is dealt with. */
        if (c->wishes != w || c->socket_fd < 0 || ask_for_first(c) < 0)
                want_next(c);

        *ret = w;
        return 0;
}

void cradle_wish_forget(CradleWish *w) {
        if (w)
                w->callback = NULL;
}
