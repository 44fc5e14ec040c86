/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fd-check.h"
#include "fd-util.h"

static int refuse(const char **ret_message, const char *message) {
        *ret_message = message;
        return -EINVAL;
}

static int stat_cached(int fd, struct statx *ret) {
        return fd_statx_cached(fd, STATX_TYPE | STATX_UID, ret);
}

/* access: O_RDONLY or O_WRONLY. */
static int check_access_mode(int fd, int access, const char **ret_message) {
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return -errno;

        if ((flags & O_PATH) || ((flags & O_ACCMODE) != access && (flags & O_ACCMODE) != O_RDWR))
                return refuse(ret_message, access == O_RDONLY ? "not open for reading" : "not open for writing");

        return 0;
}

int check_fd_input(int fd, const char **ret_message) {
        return check_access_mode(fd, O_RDONLY, ret_message);
}

static bool is_stream_socket(int fd) {
        int type = 0;
        socklen_t size = sizeof(type);

        return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) >= 0 && type == SOCK_STREAM;
}

int check_fd_output(int fd, const char **ret_message) {
        struct statx sx;
        int r;

        r = check_access_mode(fd, O_WRONLY, ret_message);
        if (r < 0)
                return r;

        r = stat_cached(fd, &sx);
        if (r < 0)
                return r;

        if (S_ISREG(sx.stx_mode) ||
            S_ISFIFO(sx.stx_mode) ||
            (S_ISSOCK(sx.stx_mode) && is_stream_socket(fd)) ||
            (S_ISCHR(sx.stx_mode) && makedev(sx.stx_rdev_major, sx.stx_rdev_minor) == makedev(1, 3)))
                return 0;

        return refuse(ret_message, "not a regular file, a pipe, a stream socket or /dev/null");
}

/* Where the kernel's devices.txt has the UNIX98 ones: a console, or a serial line, is no tenant's to hand over. */
static bool is_pseudo_terminal(const struct statx *sx) {
        return S_ISCHR(sx->stx_mode) && sx->stx_rdev_major >= 136 && sx->stx_rdev_major <= 143;
}

int check_fd_terminal(int fd, const char **ret_message) {
        struct statx sx;
        int r;

        r = check_access_mode(fd, O_RDONLY, ret_message);
        if (r >= 0)
                r = check_access_mode(fd, O_WRONLY, ret_message);
        if (r < 0)
                return r;

        r = stat_cached(fd, &sx);
        if (r < 0)
                return r;

        return is_pseudo_terminal(&sx) ? 0 : refuse(ret_message, "not a pseudo terminal");
}

int check_fd_file(int fd, const char **ret_message) {
        struct statx sx;
        int r;

        r = check_access_mode(fd, O_RDONLY, ret_message);
        if (r < 0)
                return r;

        r = stat_cached(fd, &sx);
        if (r < 0)
                return r;

        return S_ISREG(sx.stx_mode) ? 0 : refuse(ret_message, "not a regular file");
}

/* Opened for reading: then the kernel has let the caller, with whatever confines it, look into it. For O_PATH nobody
 * was asked. */
static int check_opened(int fd, const Caller *caller, const char **ret_message) {
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return -errno;

        return caller->uid != 0 && ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
                        ? refuse(ret_message, "not open for reading") : 0;
}

int check_fd_directory(int fd, const Caller *caller, const char **ret_message) {
        struct statx sx;
        int r;

        r = check_opened(fd, caller, ret_message);
        if (r >= 0)
                r = stat_cached(fd, &sx);
        if (r < 0)
                return r;

        if (!S_ISDIR(sx.stx_mode))
                return refuse(ret_message, "not a directory");

        return sx.stx_uid == caller->uid ? 0 : refuse(ret_message, "not the caller's own");
}

int check_fd_bind(int fd, const Caller *caller, bool writable, const char **ret_message) {
        struct statx sx;
        int r;

        r = check_opened(fd, caller, ret_message);
        if (r >= 0)
                r = stat_cached(fd, &sx);
        if (r < 0)
                return r;

        if (!S_ISDIR(sx.stx_mode) && !S_ISREG(sx.stx_mode))
                return refuse(ret_message, "not a directory or a regular file");
        if (writable && caller->uid != 0 && caller->uid != sx.stx_uid)
                return refuse(ret_message, "not the caller's own, so it cannot be bound writable");

        return 0;
}
