/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <limits.h>
#include <unistd.h>

#include "beneath.h"
#include "bind-removal.h"
#include "fd-util.h"
#include "identity.h"
#include "string-util.h"

#define BATCH_SIZE (16U * 1024U)

/* Entries looked at altogether: many more than a box can have files, for nobody counts those in a bind. */
#define STEPS_MAX (UINT64_C(1) << 24)

struct BindRemoval {
        int top_fd;
        int fd; /* the directory that is being emptied, or -EBADF: it is to be opened */
        bool seen; /* there was something in it, this time */
        uint64_t steps_left;
        char path[PATH_MAX]; /* of that directory, below top_fd */
};

int bind_removal_new(int dir_fd, const char *name, BindRemoval **ret) {
        _cleanup_close_ int fd = dir_fd;
        size_t n = strlen(name);
        BindRemoval *b;

        assert(fd >= 0);
        assert(ret);

        if (n > NAME_MAX)
                return -ENAMETOOLONG;

        b = new(BindRemoval, 1);
        if (!b)
                return -ENOMEM;

        *b = (BindRemoval) { .top_fd = TAKE_FD(fd), .fd = -EBADF, .steps_left = STEPS_MAX };
        memcpy(b->path, name, n + 1);
        *ret = b;
        return 0;
}

BindRemoval *bind_removal_free(BindRemoval *b) {
        if (!b)
                return NULL;

        (void) safe_close(b->fd);
        (void) safe_close(b->top_fd);
        return mfree(b);
}

static int go_down(BindRemoval *b, const char *name) {
        size_t n = strlen(b->path), m = strlen(name);

        if (n + 1 + m >= sizeof(b->path))
                return -ENAMETOOLONG;

        b->path[n] = '/';
        memcpy(b->path + n + 1, name, m + 1);
        b->fd = safe_close(b->fd);
        return 1;
}

/* The directory is empty, or not what it was. What is left of it, its own directory will show. */
static int go_up(BindRemoval *b) {
        _cleanup_close_ int parent_fd = -EBADF;
        char *slash;

        b->fd = safe_close(b->fd);

        slash = strrchr(b->path, '/');
        if (!slash) {
                if (unlinkat(b->top_fd, b->path, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                        return 0;
                if (errno == ENOTDIR)
                        return RET_NERRNO(unlinkat(b->top_fd, b->path, 0));
                return IN_SET(errno, ENOTEMPTY, EEXIST) ? 1 : -errno;
        }

        *slash = '\0';
        parent_fd = open_beneath(b->top_fd, b->path, O_PATH | O_DIRECTORY, /* one_mount= */ true);
        if (parent_fd >= 0)
                (void) unlinkat(parent_fd, slash + 1, AT_REMOVEDIR);
        return 1;
}

/* 1 if the next directory is another one, 0 to go on. */
static int remove_entry(BindRemoval *b, const char *name) {
        if (b->steps_left == 0)
                return -EBUSY;
        b->steps_left--;

        if (unlinkat(b->fd, name, 0) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR)
                return -errno;

        if (unlinkat(b->fd, name, AT_REMOVEDIR) >= 0 || IN_SET(errno, ENOENT, ENOTDIR))
                return 0;

        return IN_SET(errno, ENOTEMPTY, EEXIST) ? go_down(b, name) : -errno;
}

static int remove_batch(BindRemoval *b) {
        _Alignas(struct dirent64) char buf[BATCH_SIZE];
        ssize_t n;

        n = getdents64(b->fd, buf, sizeof(buf));
        if (n < 0)
                return -errno;
        if (n == 0) {
                if (!b->seen)
                        return go_up(b);

                /* A file system may skip entries where others are removed. */
                b->seen = false;
                return lseek(b->fd, 0, SEEK_SET) < 0 ? -errno : 1;
        }

        for (ssize_t i = 0; i < n;) {
                const struct dirent64 *d = (const struct dirent64 *) (buf + i);
                int r;

                i += d->d_reclen;
                if (streq(d->d_name, ".") || streq(d->d_name, ".."))
                        continue;

                b->seen = true;
                r = remove_entry(b, d->d_name);
                if (r != 0)
                        return r;
        }

        return 1;
}

int bind_removal_step(BindRemoval *b) {
        _cleanup_(identity_done) Identity identity = {};
        int r;

        assert(b);

        r = identity_become_program(&identity);
        if (r < 0)
                return r;
        if (b->fd >= 0)
                return remove_batch(b);

        if (b->steps_left == 0)
                return -EBUSY;
        b->steps_left--;

        b->seen = false;
        b->fd = open_beneath(b->top_fd, b->path, O_RDONLY | O_DIRECTORY, /* one_mount= */ true);
        if (IN_SET(b->fd, -ENOENT, -ENOTDIR, -ELOOP))
                return go_up(b);
        return b->fd < 0 ? b->fd : 1;
}
