/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "time-util.h"

/* Closes fd if it is one, keeps errno, and returns -EBADF for the variable that held it. */
int safe_close(int fd);
void close_many(const int *fds, size_t n);

static inline void closep(int *fd) {
        (void) safe_close(*fd);
}
#define _cleanup_close_ _cleanup_(closep)

static inline void close_pairp(int (*p)[2]) {
        (*p)[0] = safe_close((*p)[0]);
        (*p)[1] = safe_close((*p)[1]);
}
#define _cleanup_close_pair_ _cleanup_(close_pairp)
#define EBADF_PAIR { -EBADF, -EBADF }

/* One more for the same, close-on-exec, which safe_close() closes as it would this one. */
int fd_duplicate(int fd);

int fd_set_nonblock(int fd, bool nonblock);
int fd_set_cloexec(int fd, bool cloexec);

/* statx(2) of what is open, as the kernel has it: a network or FUSE server is not asked. */
int fd_statx_cached(int fd, unsigned mask, struct statx *ret);

/* Reads at most max bytes of a file or pipe to its end and adds a NUL that is not counted. -E2BIG if there
 * is more than max. */
int fd_read_full(int fd, size_t max, char **ret, size_t *ret_size);
int read_full_file_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_size);

/* Writes all of it, waiting where the descriptor does not block. */
int fd_write_full(int fd, const void *data, size_t size);

/* One write(2) into an existing file: the way kernel files (cgroup, uid_map) want it. Short writes are -EIO. */
int write_string_file_at(int dir_fd, const char *path, const char *s);

/* A sealed, read-only, close-on-exec memfd that holds the data. */
int memfd_new_sealed(const char *name, const void *data, size_t size);

/* The size of one that is sealed as those are; -EBADMSG for anything else. */
int memfd_get_sealed_size(int fd, uint64_t *ret);

/* Waits for events. Returns the events seen, 0 at the deadline (CLOCK_MONOTONIC, USEC_INFINITY for none),
 * or a negative errno. */
int fd_wait_for_event(int fd, int event, usec_t deadline);

/* One sendmsg() with descriptors; retries on EINTR only. Returns the bytes sent. */
ssize_t send_with_fds(int socket_fd, const void *data, size_t size, const int *fds, size_t n_fds, int flags);

/* One recvmsg(). All descriptors received arrive close-on-exec and belong to the caller: ret_n_fds says how
 * many of fds[max_fds] are set. More than max_fds (0: any): all are closed and -EBADMSG. A truncated message is
 * -EMSGSIZE. 0 is the end of the stream. */
ssize_t recv_with_fds(int socket_fd, void *data, size_t size, int *fds, size_t max_fds, size_t *ret_n_fds, int flags);

/* The same where a tenant had a hand in what the descriptors are: in a program that has switched slow-close.h on,
 * safe_close() does not wait for them. */
ssize_t recv_with_foreign_fds(
                int socket_fd,
                void *data,
                size_t size,
                int *fds,
                size_t max_fds,
                size_t *ret_n_fds,
                int flags);

/* safe_close() for a stream socket with somebody else at the other end: what he sent and was not read goes first.
 * Otherwise the kernel would close descriptors that are among it, within close(2). */
int safe_close_connection(int fd);

#define FD_PATH_MAX (sizeof("/proc/self/fd/") + 10)
#define FD_PATH(fd) fd_path((char[FD_PATH_MAX]) {}, (fd))
char *fd_path(char buf[static FD_PATH_MAX], int fd);
