/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "fd-util.h"
#include "filter-load.h"

/* Since Linux 5.19: a notification that was received is not called off by a signal that does not kill. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#  define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static int sockets[2] = EBADF_PAIR; /* ours, the child's */
static unsigned long listener_flags;

/* A kernel that knows the flags gets as far as the missing program. */
static bool flags_are_known(unsigned long flags) {
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

int filter_load_prepare(int *ret_socket_fd) {
        assert(ret_socket_fd);

        if (sockets[0] < 0) {
                listener_flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
                if (flags_are_known(listener_flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV))
                        listener_flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

                if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0)
                        return -errno;
        }

        *ret_socket_fd = sockets[1];
        return 0;
}

static int send_listener(int socket_fd, int listener_fd, unsigned long secret) {
        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = { .header = {
                .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
        uint8_t byte = 0;
        struct iovec iov = { .iov_base = &byte, .iov_len = sizeof(byte) };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };

        memcpy(CMSG_DATA(&control.header), &listener_fd, sizeof(listener_fd));
        return syscall(SYS_sendmsg, socket_fd, &message, MSG_NOSIGNAL, 0, 0, secret) < 0 ? -errno : 0;
}

int filter_load(Filter *f, int socket_fd, bool *ret_muted) {
        struct sock_fprog program = { .len = f->n, .filter = f->program };
        int fd;

        *ret_muted = false;

        if (f->notifies) {
                fd = (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listener_flags, &program);
                if (fd >= 0)
                        return send_listener(socket_fd, fd, f->secret);
                if (errno != EBUSY)
                        return -errno;

                /* One of a process' filters can have a listener, and ours is not the first. */
                filter_mute(f);
                *ret_muted = true;
        }

        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

int filter_load_take_listener(void) {
        uint8_t byte;
        size_t n_fds;
        int fd;

        if (recv_with_fds(sockets[0], &byte, sizeof(byte), &fd, 1, &n_fds, MSG_DONTWAIT) < 0 || n_fds == 0)
                return -EBADF;

        return fd;
}
