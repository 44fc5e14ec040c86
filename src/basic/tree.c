/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fd-util.h"
#include "string-util.h"
#include "tree.h"

#define BATCH_SIZE (16U * 1024U)

void tree_removal_done(TreeRemoval *t) {
        assert(t);

        t->trash_fd = safe_close(t->trash_fd);
}

static int take_step(TreeRemoval *t) {
        if (t->steps_left == 0)
                return -EBUSY;
        if (t->steps_left == t->pause_at)
                return -EAGAIN;

        t->steps_left--;
        return 0;
}

/* Takes a name out of its directory with everything below it. */
static int move_to_trash(TreeRemoval *t, int dir_fd, const char *name) {
        for (;;) {
                char trashed[17];

                (void) snprintf(trashed, sizeof(trashed), "%" PRIx64, (*t->serial)++);
                if (renameat2(dir_fd, name, t->trash_fd, trashed, RENAME_NOREPLACE) >= 0)
                        return 0;
                if (errno != EEXIST)
                        return -errno;
        }
}

/* The type may be out of date by now: what is wrong is tried again, by whoever looks into the directory
 * next. */
static int remove_entry(TreeRemoval *t, int dir_fd, const char *name, bool directory) {
        int r;

        r = take_step(t);
        if (r < 0)
                return r;

        if (unlinkat(dir_fd, name, directory ? AT_REMOVEDIR : 0) >= 0 || errno == ENOENT)
                return 0;

        if (directory && IN_SET(errno, ENOTEMPTY, EEXIST))
                return move_to_trash(t, dir_fd, name);

        return errno == (directory ? ENOTDIR : EISDIR) ? 0 : -errno;
}

/* One look through a directory from its start. Returns how many entries there were. */
static int clear_once(TreeRemoval *t, int dir_fd, int (*remove)(TreeRemoval *, int, const char *, bool)) {
        _Alignas(struct dirent64) char buf[BATCH_SIZE];
        int seen = 0;

        if (lseek(dir_fd, 0, SEEK_SET) < 0)
                return -errno;

        for (;;) {
                ssize_t n;

                n = getdents64(dir_fd, buf, sizeof(buf));
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return seen;

                for (ssize_t i = 0; i < n;) {
                        const struct dirent64 *d = (const struct dirent64 *) (buf + i);
                        int r;

                        i += d->d_reclen;
                        if (streq(d->d_name, ".") || streq(d->d_name, ".."))
                                continue;

                        seen = 1;
                        r = remove(t, dir_fd, d->d_name, d->d_type == DT_DIR);
                        if (r < 0)
                                return r;
                }
        }
}

static int clear_fully(TreeRemoval *t, int dir_fd, int (*remove)(TreeRemoval *, int, const char *, bool)) {
        int r;

        do
                r = clear_once(t, dir_fd, remove);
        while (r > 0);

        return r;
}

int tree_clear(TreeRemoval *t, int dir_fd) {
        assert(t);
        assert(dir_fd >= 0);

        return clear_fully(t, dir_fd, remove_entry);
}

int tree_remove(TreeRemoval *t, int dir_fd, const char *name) {
        assert(t);
        assert(name);

        if (unlinkat(dir_fd, name, 0) >= 0)
                return 0;
        if (errno != EISDIR)
                return -errno;

        if (unlinkat(dir_fd, name, AT_REMOVEDIR) >= 0)
                return 0;
        if (!IN_SET(errno, ENOTEMPTY, EEXIST))
                return -errno;

        return move_to_trash(t, dir_fd, name);
}

/* A directory in the trash: emptied into the trash, then removed. If somebody put a file into it in
 * between, it is met again. */
static int remove_trashed(TreeRemoval *t, int trash_fd, const char *name, bool directory) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = openat(trash_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOTDIR)
                return remove_entry(t, trash_fd, name, /* directory= */ false);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;

        r = tree_clear(t, fd);
        if (r < 0)
                return r;

        r = take_step(t);
        if (r < 0)
                return r;

        if (unlinkat(trash_fd, name, AT_REMOVEDIR) >= 0 || IN_SET(errno, ENOENT, ENOTEMPTY, EEXIST))
                return 0;

        return -errno;
}

int tree_collect(TreeRemoval *t) {
        assert(t);

        return clear_fully(t, t->trash_fd, remove_trashed);
}
