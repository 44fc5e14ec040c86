/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "beneath.h"
#include "fd-util.h"
#include "files.h"

/* Breadth first, by path: the list itself is what remains to be looked at, so that however deep the tree
 * is one directory is open at a time and nothing else is kept. A directory that a program swaps for
 * another thing meanwhile is then not there, or is another directory of the same box. */

/* So much of a directory is one step: some hundred files. */
#define BATCH_SIZE (8U * 1024U)

struct FileList {
        int fd; /* what the names are relative to */
        bool one_mount, recursive;
        char *data;
        size_t size, allocated;
        size_t n_entries;

        int dir_fd; /* that is being read; or -EBADF: look for the next */
        char directory[PATH_MAX]; /* its name in the list, or "" for the one that was asked for */
        size_t next; /* where in the list to look for it */
};

FileList *file_list_free(FileList *l) {
        if (!l)
                return NULL;

        (void) safe_close(l->dir_fd);
        (void) safe_close(l->fd);
        free(l->data);
        return mfree(l);
}

static int list_reserve(FileList *l, size_t more) {
        char *grown;
        size_t want;

        if (l->size + more <= l->allocated)
                return 0;
        if (l->size + more > MESSAGE_TAIL_MAX)
                return -E2BIG;

        want = MIN(MAX(2 * l->allocated, l->size + more + 4096), (size_t) MESSAGE_TAIL_MAX);
        grown = realloc(l->data, want);
        if (!grown)
                return -ENOMEM;

        l->data = grown;
        l->allocated = want;
        return 0;
}

static uint64_t timestamp_to_usec(const struct timespec *ts) {
        /* It is what the program says, from before 1970 to the end of time. */
        if (ts->tv_sec < 0)
                return 0;
        if ((uint64_t) ts->tv_sec >= INT64_MAX / USEC_PER_SEC)
                return INT64_MAX;

        return (uint64_t) ts->tv_sec * USEC_PER_SEC + (uint64_t) ts->tv_nsec / NSEC_PER_USEC;
}

static int list_add(FileList *l, const char *name) {
        const char *directory = l->directory;
        size_t n = strlen(directory), m = strlen(name), name_size = n + (n > 0) + m + 1;
        MessageEntry e;
        struct stat st;
        char *p;
        int r;

        if (fstatat(l->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;

        if (l->n_entries >= LIST_ENTRIES_MAX)
                return -E2BIG;
        if (name_size > PATH_MAX)
                return -ENAMETOOLONG;

        r = list_reserve(l, sizeof(e) + name_size);
        if (r < 0)
                return r;

        e = (MessageEntry) {
                .size_bytes = (uint64_t) st.st_size,
                .modified_usec = timestamp_to_usec(&st.st_mtim),
                .mode = st.st_mode,
                .name_size = (uint32_t) name_size,
        };

        p = mempcpy(l->data + l->size, &e, sizeof(e));
        if (n > 0) {
                p = mempcpy(p, directory, n);
                *p++ = '/';
        }
        memcpy(p, name, m + 1);

        l->size += sizeof(e) + name_size;
        l->n_entries++;
        return 0;
}

static int read_batch(FileList *l) {
        _Alignas(struct dirent64) char buf[BATCH_SIZE];
        ssize_t n;

        n = getdents64(l->dir_fd, buf, sizeof(buf));
        if (n < 0)
                return -errno;
        if (n == 0) {
                l->dir_fd = safe_close(l->dir_fd);
                return 0;
        }

        for (ssize_t i = 0; i < n;) {
                const struct dirent64 *d = (const struct dirent64 *) (buf + i);
                int r;

                i += d->d_reclen;
                if (streq(d->d_name, ".") || streq(d->d_name, ".."))
                        continue;

                r = list_add(l, d->d_name);
                if (r < 0)
                        return r;
        }

        return 0;
}

static size_t path_depth(const char *path) {
        size_t n = 1;

        for (; *path; path++)
                n += *path == '/';

        return n;
}

/* How many entries one step looks at for a directory among them. */
#define ENTRIES_PER_STEP 1024U

static int open_next(FileList *l) {
        for (unsigned i = 0; i < ENTRIES_PER_STEP && l->next < l->size; i++) {
                MessageEntry e;
                int fd;

                memcpy(&e, l->data + l->next, sizeof(e));
                memcpy(l->directory, l->data + l->next + sizeof(e), e.name_size);
                l->next += sizeof(e) + e.name_size;

                if (!S_ISDIR(e.mode))
                        continue;
                if (path_depth(l->directory) >= LIST_DEPTH_MAX)
                        return -ENAMETOOLONG;

                fd = open_beneath(l->fd, l->directory, O_RDONLY | O_DIRECTORY, l->one_mount);
                if (IN_SET(fd, -ENOENT, -ENOTDIR, -ELOOP, -EXDEV))
                        continue;
                if (fd < 0)
                        return fd;

                l->dir_fd = fd;
                return 0;
        }

        return 0;
}

int file_list_step(FileList *l) {
        int r;

        assert(l);

        r = l->dir_fd >= 0 ? read_batch(l) : open_next(l);
        if (r < 0)
                return r;

        return l->dir_fd >= 0 || (l->recursive && l->next < l->size);
}

const char *file_list_get(const FileList *l, size_t *ret_size) {
        assert(l);
        assert(ret_size);

        *ret_size = l->size;
        return l->data;
}

int file_list_new(const Root *r, const char *path, FileFlags flags, FileList **ret) {
        _cleanup_(file_list_freep) FileList *l = NULL;
        _cleanup_free_ char *rest = NULL;
        const Place *place;
        int q;

        assert(r);
        assert(ret);

        q = layout_find(&r->layout, path, &place, &rest);
        if (q < 0)
                return q;

        l = new(FileList, 1);
        if (!l)
                return -ENOMEM;

        *l = (FileList) {
                .fd = -EBADF,
                .dir_fd = -EBADF,
                .one_mount = !place_is_bind(place),
                .recursive = FLAGS_SET(flags, FILE_RECURSIVE),
        };

        l->fd = open_beneath(place->fd, rest, O_RDONLY | O_DIRECTORY, l->one_mount);
        if (l->fd < 0)
                return l->fd;

        l->dir_fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
        if (l->dir_fd < 0)
                return -errno;

        *ret = TAKE_PTR(l);
        return 0;
}
