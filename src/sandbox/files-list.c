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

#define BATCH_SIZE (32U * 1024U)

typedef struct List {
        int fd; /* what the names are relative to */
        bool one_mount;
        char *data;
        size_t size, allocated;
        size_t n_entries;
} List;

static void list_done(List *l) {
        free(l->data);
}

static int list_reserve(List *l, size_t more) {
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

/* directory: its own name in the list, or "" for the one that was asked for. */
static int list_add(List *l, int dir_fd, const char *directory, const char *name) {
        size_t n = strlen(directory), m = strlen(name), name_size = n + (n > 0) + m + 1;
        MessageEntry e;
        struct stat st;
        char *p;
        int r;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
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

static int list_directory(List *l, int dir_fd, const char *directory) {
        _Alignas(struct dirent64) char buf[BATCH_SIZE];

        for (;;) {
                ssize_t n;

                n = getdents64(dir_fd, buf, sizeof(buf));
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;

                for (ssize_t i = 0; i < n;) {
                        const struct dirent64 *d = (const struct dirent64 *) (buf + i);
                        int r;

                        i += d->d_reclen;
                        if (streq(d->d_name, ".") || streq(d->d_name, ".."))
                                continue;

                        r = list_add(l, dir_fd, directory, d->d_name);
                        if (r < 0)
                                return r;
                }
        }
}

static size_t path_depth(const char *path) {
        size_t n = 1;

        for (; *path; path++)
                n += *path == '/';

        return n;
}

static int list_below(List *l) {
        for (size_t i = 0; i < l->size;) {
                _cleanup_close_ int fd = -EBADF;
                char name[PATH_MAX];
                MessageEntry e;
                int r;

                /* The list moves as it grows. */
                memcpy(&e, l->data + i, sizeof(e));
                memcpy(name, l->data + i + sizeof(e), e.name_size);
                i += sizeof(e) + e.name_size;

                if (!S_ISDIR(e.mode))
                        continue;
                if (path_depth(name) >= LIST_DEPTH_MAX)
                        return -ENAMETOOLONG;

                fd = open_beneath(l->fd, name, O_RDONLY | O_DIRECTORY, l->one_mount);
                if (IN_SET(fd, -ENOENT, -ENOTDIR, -ELOOP, -EXDEV))
                        continue;
                if (fd < 0)
                        return fd;

                r = list_directory(l, fd, name);
                if (r < 0)
                        return r;
        }

        return 0;
}

int files_list(const Root *r, const char *path, FileFlags flags, char **ret_data, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_(list_done) List l = {};
        _cleanup_free_ char *rest = NULL;
        const Place *place;
        int q;

        assert(r);
        assert(ret_data);
        assert(ret_size);

        q = layout_find(&r->layout, path, &place, &rest);
        if (q < 0)
                return q;

        l.one_mount = !place_is_bind(place);

        fd = open_beneath(place->fd, rest, O_RDONLY | O_DIRECTORY, l.one_mount);
        if (fd < 0)
                return fd;

        l.fd = fd;
        q = list_directory(&l, fd, "");
        if (q < 0)
                return q;

        if (FLAGS_SET(flags, FILE_RECURSIVE)) {
                q = list_below(&l);
                if (q < 0)
                        return q;
        }

        *ret_data = TAKE_PTR(l.data);
        *ret_size = l.size;
        return 0;
}
