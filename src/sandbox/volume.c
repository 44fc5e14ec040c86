/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "fd-util.h"
#include "mount-util.h"
#include "string-util.h"
#include "tree.h"
#include "volume.h"

#define TRASH_NAME "trash"

/* Up to this many files are removed one by one; with more it is cheaper to make a new file system and let
 * the kernel drop the old one. */
#define WIPE_INODES_MAX 128U

static int make_directory(const Volume *v, const VolumeDirectory *d) {
        if (mkdirat(v->fd, d->name, d->mode & 0777) < 0)
                return -errno;

        /* mkdir() takes the umask off. */
        if (fchmodat(v->fd, d->name, d->mode, 0) < 0)
                return -errno;

        if (d->uid == 0 && d->gid == 0)
                return 0;

        return RET_NERRNO(fchownat(v->fd, d->name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW));
}

int volume_make(Volume *v) {
        char size[32], inodes[32];
        const char *options[] = { "size", size, "nr_inodes", inodes, "mode", "0700", NULL };
        _cleanup_(volume_done) Volume made = *ASSERT_PTR(v);
        int r;

        assert(v->fd < 0);

        if (v->bytes < 1 || v->bytes > VOLUME_BYTES_MAX || v->inodes < 1 || v->inodes > VOLUME_INODES_MAX)
                return -ERANGE;

        /* Our own directories, the root and the trash do not count. */
        (void) snprintf(size, sizeof(size), "%" PRIu64, v->bytes);
        (void) snprintf(inodes, sizeof(inodes), "%" PRIu64, v->inodes + v->n_directories + 2);

        made.fd = mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        if (made.fd < 0)
                return made.fd;

        for (size_t i = 0; i < made.n_directories; i++) {
                r = make_directory(&made, made.directories + i);
                if (r < 0)
                        return r;
        }

        if (mkdirat(made.fd, TRASH_NAME, 0700) < 0)
                return -errno;

        *v = made;
        made.fd = -EBADF;
        return 0;
}

void volume_done(Volume *v) {
        assert(v);

        v->fd = safe_close(v->fd);
}

static uint64_t blocks_used(const struct statfs *st) {
        return st->f_blocks - st->f_bfree;
}

static uint64_t inodes_used(const struct statfs *st) {
        return st->f_files - st->f_ffree;
}

int volume_mark_new(Volume *v) {
        struct statfs st;

        assert(v);

        if (fstatfs(v->fd, &st) < 0)
                return -errno;

        v->blocks_new = blocks_used(&st);
        v->inodes_new = inodes_used(&st);
        return 0;
}

int volume_get_usage(const Volume *v, uint64_t *ret_bytes, uint64_t *ret_inodes) {
        uint64_t blocks, inodes;
        struct statfs st;

        assert(v);
        assert(ret_bytes);
        assert(ret_inodes);

        if (fstatfs(v->fd, &st) < 0)
                return -errno;

        blocks = blocks_used(&st);
        inodes = inodes_used(&st);
        *ret_bytes = (blocks - MIN(blocks, v->blocks_new)) * (uint64_t) st.f_bsize;
        *ret_inodes = inodes - MIN(inodes, v->inodes_new);
        return 0;
}

static int open_trash(Volume *v, TreeRemoval *ret) {
        int fd;

        fd = openat(v->fd, TRASH_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        *ret = (TreeRemoval) {
                .trash_fd = fd,
                .serial = &v->trash_serial,
                /* Each file is seen once in its directory, and each directory once more in the trash. A
                 * program that adds to that has as much again. */
                .steps_left = 4 * v->inodes + 4096,
        };
        return 0;
}

/* Has attributes or flags, which nobody undoes one by one. security.* is the kernel's own and no
 * program's. */
static bool directory_is_altered(int fd) {
        char names[1024];
        ssize_t n;
        int flags;

        n = flistxattr(fd, names, sizeof(names));
        if (n < 0 && errno != EOPNOTSUPP)
                return true;

        for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
                if (!startswith(p, "security."))
                        return true;

        /* tmpfs has them since Linux 6.0 */
        return ioctl(fd, FS_IOC_GETFLAGS, &flags) >= 0 && flags != 0;
}

/* A directory of ours is as it was, once it is empty; one of the program's may be changed itself. Returns
 * 0 where that cannot be undone. */
static int restore_directory(const VolumeDirectory *d, int fd) {
        struct stat st;

        if (d->uid == 0)
                return 1;

        if (directory_is_altered(fd))
                return 0;

        if (fstat(fd, &st) < 0)
                return -errno;
        if ((st.st_mode & 07777) != d->mode && fchmod(fd, d->mode) < 0)
                return -errno;
        if (futimens(fd, NULL) < 0)
                return -errno;

        return 1;
}

static int wipe_directory(const Volume *v, const VolumeDirectory *d, TreeRemoval *t) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = openat(v->fd, d->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        r = tree_clear(t, fd);
        if (r < 0)
                return r;

        return restore_directory(d, fd);
}

int volume_wipe(Volume *v) {
        _cleanup_close_ int trash_fd = -EBADF;
        struct statfs st;
        TreeRemoval t;
        int r;

        assert(v);

        if (fstatfs(v->fd, &st) < 0)
                return -errno;
        if (inodes_used(&st) > v->inodes_new + WIPE_INODES_MAX)
                return 0;

        r = open_trash(v, &t);
        if (r < 0)
                return r;
        trash_fd = t.trash_fd;

        /* Whatever it is that resists, a new volume does not have it. */
        for (size_t i = 0; i < v->n_directories; i++)
                if (wipe_directory(v, v->directories + i, &t) <= 0)
                        return 0;
        if (tree_collect(&t) < 0)
                return 0;

        /* A file that somebody holds open is gone by name, but keeps its room. */
        if (fstatfs(v->fd, &st) < 0)
                return -errno;

        return blocks_used(&st) == v->blocks_new && inodes_used(&st) == v->inodes_new;
}

int volume_clear(Volume *v) {
        _cleanup_close_ int trash_fd = -EBADF;
        TreeRemoval t;
        int r;

        assert(v);

        r = open_trash(v, &t);
        if (r < 0)
                return r;
        trash_fd = t.trash_fd;

        for (size_t i = 0; i < v->n_directories; i++) {
                if (!v->directories[i].temporary)
                        continue;

                r = wipe_directory(v, v->directories + i, &t);
                if (r < 0)
                        return r;
        }

        /* Mostly nothing has come there since it was last empty. */
        if (v->trash_serial == v->trash_emptied)
                return 0;

        r = tree_collect(&t);
        if (r >= 0)
                v->trash_emptied = v->trash_serial;
        return r;
}

int volume_remove(Volume *v, int dir_fd, const char *name, TreeRemoval *ret) {
        _cleanup_(tree_removal_done) TreeRemoval t = TREE_REMOVAL_NULL;
        int r;

        assert(v);
        assert(ret);

        r = open_trash(v, &t);
        if (r < 0)
                return r;

        r = tree_remove(&t, dir_fd, name);
        if (r < 0)
                return r;

        *ret = t;
        t = TREE_REMOVAL_NULL;
        return 0;
}
