/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>

#include "fd-util.h"
#include "slow-close.h"

int safe_close(int fd) {
        if (fd >= 0 && !slow_close_take(fd)) {
                PROTECT_ERRNO;

                /* EINTR still closes on Linux; EBADF is a bug of ours. */
                assert(close(fd) >= 0 || errno != EBADF);
        }

        return -EBADF;
}

void close_many(const int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void) safe_close(fds[i]);
}

int fd_duplicate(int fd) {
        int copy;

        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;

        if (slow_close_is_marked(fd))
                slow_close_mark(copy);
        return copy;
}

static int fd_change_flag(int fd, int get, int set, int flag, bool on) {
        int flags, changed;

        flags = fcntl(fd, get);
        if (flags < 0)
                return -errno;

        changed = on ? flags | flag : flags & ~flag;
        if (changed == flags)
                return 0;

        return RET_NERRNO(fcntl(fd, set, changed));
}

int fd_set_nonblock(int fd, bool nonblock) {
        return fd_change_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, nonblock);
}

int fd_set_cloexec(int fd, bool cloexec) {
        return fd_change_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, cloexec);
}

int fd_statx_cached(int fd, unsigned mask, struct statx *ret) {
        assert(ret);

        return RET_NERRNO(statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, ret));
}

int fd_read_full(int fd, size_t max, char **ret, size_t *ret_size) {
        _cleanup_free_ char *buf = NULL;
        size_t size = 0, allocated = 0;

        assert(fd >= 0);
        assert(ret);

        for (;;) {
                ssize_t n;

                if (allocated - size < 2) {
                        size_t want = MAX(allocated * 2, (size_t) 4096);
                        char *grown;

                        grown = realloc(buf, want);
                        if (!grown)
                                return -ENOMEM;
                        buf = grown;
                        allocated = want;
                }

                n = read(fd, buf + size, allocated - size - 1);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;

                size += (size_t) n;
                if (size > max)
                        return -E2BIG;
        }

        buf[size] = '\0';
        *ret = TAKE_PTR(buf);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int read_full_file_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;

        return fd_read_full(fd, max, ret, ret_size);
}

int fd_write_full(int fd, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t n;

                n = write(fd, p, size);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        if (errno == EAGAIN) {
                                int r = fd_wait_for_event(fd, POLLOUT, USEC_INFINITY);
                                if (r < 0)
                                        return r;
                                continue;
                        }
                        return -errno;
                }

                p += n;
                size -= (size_t) n;
        }

        return 0;
}

int write_string_file_at(int dir_fd, const char *path, const char *s) {
        _cleanup_close_ int fd = -EBADF;
        size_t size = strlen(s);
        ssize_t n;

        fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;

        n = write(fd, s, size);
        if (n < 0)
                return -errno;

        return (size_t) n == size ? 0 : -EIO;
}

int memfd_new_sealed(const char *name, const void *data, size_t size) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;

        r = fd_write_full(fd, data, size);
        if (r < 0)
                return r;

        if (lseek(fd, 0, SEEK_SET) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;

        return TAKE_FD(fd);
}

int memfd_get_sealed_size(int fd, uint64_t *ret) {
        struct stat st;
        int seals;

        assert(ret);

        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || !FLAGS_SET(seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) || fstat(fd, &st) < 0)
                return -EBADMSG;

        *ret = (uint64_t) st.st_size;
        return 0;
}

int fd_wait_for_event(int fd, int event, usec_t deadline) {
        struct pollfd p = { .fd = fd, .events = (short) event };

        for (;;) {
                struct timespec ts;
                usec_t left = 0;
                int r;

                if (deadline != USEC_INFINITY) {
                        left = usec_sub(deadline, now_usec(CLOCK_MONOTONIC));
                        ts = (struct timespec) {
                                .tv_sec = (time_t) (left / USEC_PER_SEC),
                                .tv_nsec = (long) (left % USEC_PER_SEC * NSEC_PER_USEC),
                        };
                }

                r = ppoll(&p, 1, deadline != USEC_INFINITY ? &ts : NULL, NULL);
                if (r < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }

                if (r == 0)
                        return 0;
                if (p.revents & POLLNVAL)
                        return -EBADF;
                return p.revents;
        }
}

#define FDS_MAX 64

/* What a message can bring (SCM_MAX_FD). For those that there is no room for the kernel closes, within recvmsg(2). */
#define RECEIVED_FDS_MAX 253

ssize_t send_with_fds(int socket_fd, const void *data, size_t size, const int *fds, size_t n_fds, int flags) {
        union {
                struct cmsghdr header;
                uint8_t buf[CMSG_SPACE(sizeof(int) * FDS_MAX)];
        } control = {};
        struct iovec iov = { .iov_base = (void *) data, .iov_len = size };
        struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > FDS_MAX)
                return -E2BIG;

        if (n_fds > 0) {
                struct cmsghdr *cmsg;

                mh.msg_control = &control;
                mh.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);

                cmsg = CMSG_FIRSTHDR(&mh);
                cmsg->cmsg_level = SOL_SOCKET;
                cmsg->cmsg_type = SCM_RIGHTS;
                cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
        }

        for (;;) {
                ssize_t n;

                n = sendmsg(socket_fd, &mh, flags | MSG_NOSIGNAL);
                if (n >= 0)
                        return n;
                if (errno != EINTR)
                        return -errno;
        }
}

static ssize_t receive(
                int socket_fd,
                void *data,
                size_t size,
                int *fds,
                size_t max_fds,
                size_t *ret_n_fds,
                int flags,
                bool foreign) {

        union {
                struct cmsghdr header;
                /* SCM_RIGHTS, and SCM_CREDENTIALS where the socket asks for them. */
                uint8_t buf[CMSG_SPACE(sizeof(int) * RECEIVED_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
        } control;
        struct iovec iov = { .iov_base = data, .iov_len = size };
        struct msghdr mh = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *cmsg;
        size_t n_fds = 0;
        bool too_many = false;
        ssize_t n;

        assert(ret_n_fds);
        assert(max_fds <= FDS_MAX);

        do
                n = recvmsg(socket_fd, &mh, flags | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;

        for (cmsg = CMSG_FIRSTHDR(&mh); cmsg; cmsg = CMSG_NXTHDR(&mh, cmsg)) {
                size_t k;

                if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
                        continue;

                k = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < k; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
                        if (foreign)
                                slow_close_mark(fd);
                        if (n_fds < max_fds)
                                fds[n_fds++] = fd;
                        else {
                                (void) safe_close(fd);
                                too_many = true;
                        }
                }
        }

        if (too_many || (mh.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
                close_many(fds, n_fds);
                return too_many || (mh.msg_flags & MSG_CTRUNC) ? -EBADMSG : -EMSGSIZE;
        }

        *ret_n_fds = n_fds;
        return n;
}

ssize_t recv_with_fds(
                int socket_fd,
                void *data,
                size_t size,
                int *fds,
                size_t max_fds,
                size_t *ret_n_fds,
                int flags) {

        return receive(socket_fd, data, size, fds, max_fds, ret_n_fds, flags, /* foreign= */ false);
}

ssize_t recv_with_foreign_fds(
                int socket_fd,
                void *data,
                size_t size,
                int *fds,
                size_t max_fds,
                size_t *ret_n_fds,
                int flags) {

        return receive(socket_fd, data, size, fds, max_fds, ret_n_fds, flags, /* foreign= */ true);
}

int safe_close_connection(int fd) {
        PROTECT_ERRNO;

        /* Nothing more comes after that. */
        if (fd >= 0 && shutdown(fd, SHUT_RD) >= 0)
                for (;;) {
                        char data[4096];
                        size_t n_fds;
                        ssize_t n;

                        n = recv_with_foreign_fds(fd, data, sizeof(data), NULL, 0, &n_fds, MSG_DONTWAIT);
                        if (n <= 0 && n != -EBADMSG)
                                break;
                }

        return safe_close(fd);
}

char *fd_path(char buf[static FD_PATH_MAX], int fd) {
        (void) snprintf(buf, FD_PATH_MAX, "/proc/self/fd/%i", fd);
        return buf;
}
