/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "box-launch.h"
#include "box-stray.h"
#include "fd-util.h"
#include "log.h"

struct BoxLaunch {
        sd_event *event;
        BoxCgroup *cgroup;
        uid_t uid_base;
        int socket_fd;
        int child_fd; /* the box's end, until it has its own */
        CradleWish *wish; /* until it is answered */
        int launcher_pidfd;
        sd_event_source *socket_source;
        sd_event_source *launcher_source;
        const BoxLaunchHandler *handler;
        void *userdata;

        bool go_sent;
        bool started;
        bool stray; /* what is waited for is a PID 1 that was not told of */

        Step step; /* why it failed */
        int error;
};

BoxLaunch *box_launch_free(BoxLaunch *l) {
        if (!l)
                return NULL;

        cradle_wish_forget(l->wish);
        l->child_fd = safe_close(l->child_fd);
        l->socket_source = sd_event_source_unref(l->socket_source);
        l->launcher_source = sd_event_source_unref(l->launcher_source);
        l->socket_fd = safe_close(l->socket_fd);
        l->launcher_pidfd = safe_close(l->launcher_pidfd);
        l->event = sd_event_unref(l->event);
        return mfree(l);
}

static void kill_launcher(BoxLaunch *l) {
        if (l->launcher_pidfd >= 0 && syscall(SYS_pidfd_send_signal, l->launcher_pidfd, SIGKILL, NULL, 0) < 0)
                log_debug_errno(errno, "Failed to kill a box's launcher: %m");
}

/* Keeps the first reason. */
static void launch_fail(BoxLaunch *l, Step step, int error) {
        if (l->error == 0) {
                l->step = step;
                l->error = abs(error);
        }

        kill_launcher(l);
}

static int launch_go(BoxLaunch *l, Step *ret_step) {
        _cleanup_close_ int supervisor_fd = -EBADF;
        int r;

        *ret_step = STEP_CGROUP;

        r = box_cgroup_delegate(l->cgroup, l->uid_base, &supervisor_fd);
        if (r < 0)
                return r;

        *ret_step = STEP_PROTOCOL;

        r = launch_send_go(l->socket_fd, supervisor_fd);
        if (r < 0)
                return r;

        l->go_sent = true;
        return l->handler->going(l, l->socket_fd, l->userdata);
}

static void on_attached(BoxCgroup *b, int r, void *userdata) {
        BoxLaunch *l = ASSERT_PTR(userdata);
        Step step = STEP_CGROUP;

        if (l->error != 0)
                return;

        if (r >= 0)
                r = launch_go(l, &step);
        if (r < 0)
                launch_fail(l, step, r);
}

/* What was sent, if anything was. */
static void launch_receive_result(BoxLaunch *l) {
        int pidfd = -EBADF, error = 0, r;
        Step step = STEP_NONE;

        if (l->started || l->socket_fd < 0)
                return;

        r = launch_receive(l->socket_fd, &pidfd, &step, &error);
        if (r == -EAGAIN)
                return;

        l->socket_source = sd_event_source_unref(l->socket_source);

        if (r > 0) {
                l->started = true;
                l->handler->started(l, pidfd, TAKE_FD(l->socket_fd), l->userdata);
        } else if (r == 0)
                launch_fail(l, step, error);
        else
                launch_fail(l, STEP_SPAWN, r);
}

static int on_launcher_gone(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static int watch_launcher(BoxLaunch *l) {
        int r;

        r = sd_event_add_io(l->event, &l->launcher_source, l->launcher_pidfd, EPOLLIN, on_launcher_gone, l);
        if (r < 0)
                return r;

        (void) sd_event_source_set_description(l->launcher_source, "box-launcher");
        return 0;
}

/* Whether there is a PID 1 that has not told of itself: it is killed, and waited for in the launcher's place. */
static bool adopt_stray(BoxLaunch *l) {
        int fd;

        if (!l->go_sent || l->stray)
                return false;

        fd = box_stray_kill(l->uid_base);
        if (fd < 0)
                return false;

        l->stray = true;
        l->launcher_pidfd = fd;
        if (watch_launcher(l) >= 0)
                return true;

        /* It was killed, so this is short. */
        (void) waitid(P_PIDFD, (id_t) fd, &(siginfo_t) {}, WEXITED);
        return false;
}

/* Ends the launch if it is over; the last that a callback does. Where the launcher is gone and nothing was said, PID 1
 * has yet to say it, or its end of the socket to close. */
static void launch_settle(BoxLaunch *l) {
        if (l->wish || l->launcher_pidfd >= 0)
                return;

        if (l->started)
                l->handler->finished(l, l->userdata);
        else if (l->error != 0 && !adopt_stray(l))
                l->handler->failed(l, l->step, l->error, l->userdata);
}

static int on_socket(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        BoxLaunch *l = ASSERT_PTR(userdata);

        launch_receive_result(l);
        launch_settle(l);
        return 0;
}

static int on_launcher_gone(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        BoxLaunch *l = ASSERT_PTR(userdata);
        siginfo_t si = {};

        if (waitid(P_PIDFD, (id_t) l->launcher_pidfd, &si, WEXITED | WNOHANG) >= 0 && si.si_pid == 0)
                return 0;

        l->launcher_source = sd_event_source_unref(l->launcher_source);
        l->launcher_pidfd = safe_close(l->launcher_pidfd);

        launch_receive_result(l);
        launch_settle(l);
        return 0;
}

void box_launch_abort(BoxLaunch *l, bool force) {
        assert(l);

        /* Between "go" and "started" PID 1 may be there without our knowing it: it is left to tell. */
        if (l->started || (l->go_sent && !force))
                return;

        launch_fail(l, STEP_SPAWN, ECANCELED);
        launch_settle(l);
}

/* What fails in here ends the launcher, and with that the launch. */
static int watch_and_attach(BoxLaunch *l, pid_t pid, Step *ret_step) {
        int r;

        *ret_step = STEP_SPAWN;
        r = sd_event_add_io(l->event, &l->socket_source, l->socket_fd, EPOLLIN, on_socket, l);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(l->socket_source, "box-launch-socket");

        *ret_step = STEP_CGROUP;
        return box_cgroup_attach(l->cgroup, pid, l->launcher_pidfd, on_attached, l);
}

static void on_cloned(const CradleReply *p, void *userdata) {
        BoxLaunch *l = ASSERT_PTR(userdata);
        Step step = p->step;
        int r = -p->error;

        l->wish = NULL;

        /* From now on the end of the stream shows that nobody is left. */
        l->child_fd = safe_close(l->child_fd);

        l->launcher_pidfd = p->pidfd;
        if (l->launcher_pidfd >= 0 && watch_launcher(l) < 0) {
                /* It waits for its "go": this is short. */
                step = STEP_SPAWN;
                r = -ENOMEM;
                kill_launcher(l);
                (void) waitid(P_PIDFD, (id_t) l->launcher_pidfd, &(siginfo_t) {}, WEXITED);
                l->launcher_pidfd = safe_close(l->launcher_pidfd);
        }

        if (r >= 0 && l->error == 0)
                r = watch_and_attach(l, p->pid, &step);
        if (r < 0)
                launch_fail(l, step, r);
        else if (l->error != 0)
                kill_launcher(l);
        launch_settle(l);
}

int box_launch_new(
                sd_event *event,
                BoxCradle *cradle,
                uid_t uid_base,
                bool share_network,
                BoxCgroup *cgroup,
                const BoxLaunchHandler *handler,
                void *userdata,
                BoxLaunch **ret) {

        _cleanup_(box_launch_freep) BoxLaunch *l = NULL;
        _cleanup_close_pair_ int pair[2] = EBADF_PAIR;
        CradleRequest request;
        int r;

        assert(event);
        assert(cradle);
        assert(cgroup);
        assert(handler);
        assert(ret);

        l = new(BoxLaunch, 1);
        if (!l)
                return -ENOMEM;

        *l = (BoxLaunch) {
                .event = sd_event_ref(event),
                .cgroup = cgroup,
                .uid_base = uid_base,
                .socket_fd = -EBADF,
                .child_fd = -EBADF,
                .launcher_pidfd = -EBADF,
                .handler = handler,
                .userdata = userdata,
        };

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;

        r = fd_set_nonblock(pair[0], true);
        if (r < 0)
                return r;
        l->socket_fd = TAKE_FD(pair[0]);
        l->child_fd = TAKE_FD(pair[1]);

        request = (CradleRequest) {
                .uid_base = uid_base,
                .share_network = share_network,
                .socket_fd = l->child_fd,
                .cgroup_fd = box_cgroup_get_clone_fd(cgroup),
        };
        r = box_cradle_ask(cradle, &request, on_cloned, l, &l->wish);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}
