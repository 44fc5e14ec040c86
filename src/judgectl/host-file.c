/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "host-file.h"
#include "string-util.h"

static bool is_component(const char *name) {
        return !isempty(name) && !streq(name, "..") && !strchr(name, '/');
}

int host_file_create(int dir_fd, const char *name, bool executable, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        assert(name);
        assert(ret_fd);

        if (!is_component(name) || streq(name, "."))
                return -EINVAL;

        /* O_NONBLOCK: a FIFO without a reader is ENXIO, not a wait. O_TRUNC only once it is known for a file. */
        fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                    executable ? 0777 : 0666);
        if (fd < 0)
                return -errno;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (ftruncate(fd, 0) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

int host_directory_create(int dir_fd, const char *name, int *ret_fd) {
        int fd;

        assert(name);
        assert(ret_fd);

        if (!is_component(name))
                return -EINVAL;

        if (!streq(name, ".") && mkdirat(dir_fd, name, 0777) < 0 && errno != EEXIST)
                return -errno;

        fd = openat(dir_fd, name, O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        *ret_fd = fd;
        return 0;
}
