/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "launch.h"

typedef enum LaunchPacketType {
        LAUNCH_GO = 'g',
        LAUNCH_STARTED = 'p',
        LAUNCH_FAILED = 'e',
} LaunchPacketType;

typedef struct LaunchPacket {
        int32_t type;
        int32_t step;
        int32_t error;
} LaunchPacket;

static int launch_send(int socket_fd, const LaunchPacket *p, int fd) {
        ssize_t n;

        n = send_with_fds(socket_fd, p, sizeof(*p), &fd, fd >= 0, 0);
        if (n < 0)
                return (int) n;

        return (size_t) n == sizeof(*p) ? 0 : -EIO;
}

/* At most one descriptor: *ret_fd is -EBADF if there was none. */
static int launch_receive_packet(int socket_fd, LaunchPacket *ret, int *ret_fd) {
        size_t n_fds = 0;
        int fd = -EBADF;
        ssize_t n;

        n = recv_with_fds(socket_fd, ret, sizeof(*ret), &fd, 1, &n_fds, 0);
        if (n == -EMSGSIZE)
                return -EBADMSG;
        if (n < 0)
                return (int) n;

        /* A packet without a byte looks like the end of the stream, and may bring a descriptor all the same. */
        if ((size_t) n != sizeof(*ret)) {
                close_many(&fd, n_fds);
                return n == 0 ? -ECONNRESET : -EBADMSG;
        }

        *ret_fd = n_fds > 0 ? fd : -EBADF;
        return 0;
}

int launch_send_go(int socket_fd, int supervisor_fd) {
        return launch_send(socket_fd, &(LaunchPacket) { .type = LAUNCH_GO }, supervisor_fd);
}

int launch_receive_go(int socket_fd, int *ret_supervisor_fd) {
        _cleanup_close_ int fd = -EBADF;
        LaunchPacket p;
        int r;

        r = launch_receive_packet(socket_fd, &p, &fd);
        if (r < 0)
                return r;
        if (p.type != LAUNCH_GO || fd < 0)
                return -EBADMSG;

        *ret_supervisor_fd = TAKE_FD(fd);
        return 0;
}

int launch_send_started(int socket_fd, int pidfd) {
        return launch_send(socket_fd, &(LaunchPacket) { .type = LAUNCH_STARTED }, pidfd);
}

int launch_send_failed(int socket_fd, Step step, int error) {
        LaunchPacket p = { .type = LAUNCH_FAILED, .step = (int32_t) step, .error = abs(error) };

        return launch_send(socket_fd, &p, -EBADF);
}

int launch_receive(int socket_fd, int *ret_pidfd, Step *ret_step, int *ret_error) {
        _cleanup_close_ int fd = -EBADF;
        LaunchPacket p;
        int r;

        r = launch_receive_packet(socket_fd, &p, &fd);
        if (r < 0)
                return r;

        if (p.type == LAUNCH_STARTED && fd >= 0) {
                *ret_pidfd = TAKE_FD(fd);
                return 1;
        }

        if (p.type == LAUNCH_FAILED && fd < 0 && p.step >= 0 && p.step < _STEP_MAX && p.error > 0 && p.error <= 4095) {
                *ret_step = (Step) p.step;
                *ret_error = p.error;
                return 0;
        }

        return -EBADMSG;
}
