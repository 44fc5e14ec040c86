/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cradle-packet.h"
#include "fd-util.h"

typedef struct RequestPacket {
        uint32_t uid_base;
        uint32_t share_network;
} RequestPacket;

typedef struct ReplyPacket {
        int32_t pid;
        int32_t step;
        int32_t error;
} ReplyPacket;

static int send_packet(int socket_fd, const void *packet, size_t size, const int *fds, size_t n_fds) {
        ssize_t n;

        n = send_with_fds(socket_fd, packet, size, fds, n_fds, 0);
        if (n < 0)
                return (int) n;

        return (size_t) n == size ? 0 : -EIO;
}

static int receive_packet(int socket_fd, void *ret, size_t size, int *fds, size_t max_fds, size_t *ret_n_fds) {
        size_t n_fds = 0;
        ssize_t n;

        n = recv_with_fds(socket_fd, ret, size, fds, max_fds, &n_fds, 0);
        if (n == -EMSGSIZE)
                return -EBADMSG;
        if (n < 0)
                return (int) n;

        if ((size_t) n != size) {
                close_many(fds, n_fds);
                return n == 0 ? -ECONNRESET : -EBADMSG;
        }

        *ret_n_fds = n_fds;
        return 0;
}

int cradle_send_request(int socket_fd, const CradleRequest *q) {
        RequestPacket p = { .uid_base = q->uid_base, .share_network = q->share_network };
        int fds[] = { q->socket_fd, q->cgroup_fd };

        assert(q->socket_fd >= 0);

        return send_packet(socket_fd, &p, sizeof(p), fds, q->cgroup_fd >= 0 ? 2 : 1);
}

int cradle_receive_request(int socket_fd, CradleRequest *ret) {
        int fds[2] = { -EBADF, -EBADF }, r;
        RequestPacket p;
        size_t n_fds;

        assert(ret);

        r = receive_packet(socket_fd, &p, sizeof(p), fds, ELEMENTSOF(fds), &n_fds);
        if (r < 0)
                return r;
        if (n_fds == 0)
                return -EBADMSG;

        *ret = (CradleRequest) {
                .uid_base = p.uid_base,
                .share_network = p.share_network != 0,
                .socket_fd = fds[0],
                .cgroup_fd = fds[1],
        };
        return 0;
}

int cradle_send_reply(int socket_fd, const CradleReply *p) {
        ReplyPacket packet = { .pid = p->pid, .step = (int32_t) p->step, .error = p->error };

        return send_packet(socket_fd, &packet, sizeof(packet), &p->pidfd, p->pidfd >= 0);
}

int cradle_receive_reply(int socket_fd, CradleReply *ret) {
        _cleanup_close_ int fd = -EBADF;
        size_t n_fds;
        ReplyPacket p;
        int r;

        assert(ret);

        r = receive_packet(socket_fd, &p, sizeof(p), &fd, 1, &n_fds);
        if (r < 0)
                return r;

        /* Either there is a launcher, or a reason why not. */
        if (p.step < 0 || p.step >= _STEP_MAX || p.error < 0 || p.error > 4095 || (n_fds > 0) != (p.pid > 0) ||
            (n_fds == 0 && p.error == 0))
                return -EBADMSG;

        *ret = (CradleReply) { .pid = p.pid, .pidfd = TAKE_FD(fd), .step = (Step) p.step, .error = p.error };
        return 0;
}
