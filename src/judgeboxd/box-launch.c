/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "box-child.h"
#include "box-launch.h"
#include "box-stray.h"
#include "fd-util.h"
#include "log.h"

struct BoxLaunch {
        sd_event *event;
        BoxSlots *slots;
        BoxCgroup *cgroup;
        uid_t uid_base;
        int socket_fd;
        int child_slot; /* the child's end, until it surely has its own */
        int launcher_pidfd;
        sd_event_source *socket_source;
        sd_event_source *launcher_source;
        const BoxLaunchHandler *handler;
        void *userdata;

        bool constructing; /* still in box_launch_new(): errors are its result, not a handler's */
        int attached;      /* 1: yes, 0: not yet, negative: no */
        bool go_sent;
        bool started;
        bool stray; /* what is waited for is a PID 1 that was not told of */

        Step step; /* why it failed */
        int error;
};

static void release_child_slot(BoxLaunch *l) {
        if (l->child_slot >= 0)
                box_slots_release(l->slots, l->child_slot);
        l->child_slot = -EBADF;
}

BoxLaunch *box_launch_free(BoxLaunch *l) {
        if (!l)
                return NULL;

        release_child_slot(l);
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

        l->attached = r < 0 ? r : 1;
        if (l->constructing || l->error != 0)
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
        release_child_slot(l);

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
        if (l->launcher_pidfd >= 0)
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

        /* From now on the end of the stream shows that nobody is left. */
        release_child_slot(l);
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

/* The child exists from here on: what fails below has to wait for it. */
static int launch_child(BoxLaunch *l, pid_t pid, Step *ret_step) {
        int r;

        *ret_step = STEP_USER;
        r = box_child_write_maps(pid, l->uid_base);
        if (r < 0)
                return r;

        *ret_step = STEP_SPAWN;
        r = sd_event_add_io(l->event, &l->socket_source, l->socket_fd, EPOLLIN, on_socket, l);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(l->socket_source, "box-launch-socket");

        r = watch_launcher(l);
        if (r < 0)
                return r;

        *ret_step = STEP_CGROUP;
        r = box_cgroup_attach(l->cgroup, pid, l->launcher_pidfd, on_attached, l);
        if (r < 0)
                return r;
        if (l->attached < 0)
                return l->attached;

        return l->attached > 0 ? launch_go(l, ret_step) : 0;
}

int box_launch_new(
                sd_event *event,
                BoxSlots *slots,
                uid_t uid_base,
                bool share_network,
                BoxCgroup *cgroup,
                const BoxLaunchHandler *handler,
                void *userdata,
                BoxLaunch **ret,
                Step *ret_step) {

        _cleanup_(box_launch_freep) BoxLaunch *l = NULL;
        _cleanup_close_pair_ int pair[2] = EBADF_PAIR;
        pid_t pid;
        int r;

        assert(event);
        assert(slots);
        assert(cgroup);
        assert(handler);
        assert(ret);
        assert(ret_step);

        *ret_step = STEP_SPAWN;

        l = new(BoxLaunch, 1);
        if (!l)
                return -ENOMEM;

        *l = (BoxLaunch) {
                .event = sd_event_ref(event),
                .slots = slots,
                .cgroup = cgroup,
                .uid_base = uid_base,
                .socket_fd = -EBADF,
                .child_slot = -EBADF,
                .launcher_pidfd = -EBADF,
                .handler = handler,
                .userdata = userdata,
                .constructing = true,
        };

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;

        r = fd_set_nonblock(pair[0], true);
        if (r < 0)
                return r;
        l->socket_fd = TAKE_FD(pair[0]);

        l->child_slot = box_slots_take(slots, TAKE_FD(pair[1]));
        if (l->child_slot < 0)
                return l->child_slot;

        r = box_child_clone(box_slots_get_exec_fd(slots), l->child_slot, box_cgroup_get_clone_fd(cgroup), share_network,
                            &pid, &l->launcher_pidfd);
        if (r < 0) {
                *ret_step = STEP_NAMESPACE;
                return r;
        }

        r = launch_child(l, pid, ret_step);
        if (r < 0) {
                /* It waits for its "go", or is on its way to a cgroup that is not there: it ends at once. */
                kill_launcher(l);
                (void) waitid(P_PIDFD, (id_t) l->launcher_pidfd, &(siginfo_t) {}, WEXITED);
                return r;
        }

        l->constructing = false;
        *ret = TAKE_PTR(l);
        return 0;
}
