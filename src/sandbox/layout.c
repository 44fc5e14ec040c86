/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>

#include "fd-util.h"
#include "layout.h"
#include "parse-util.h"

static const VolumeDirectory storage_directories[] = {
        { "box", BOX_UID, BOX_GID, 0755, .temporary = false },
        { "tmp", 0, 0, 01777, .temporary = true },
        { "shm", 0, 0, 01777, .temporary = true },
};

static const char *const storage_paths[] = { "/box", "/tmp", "/dev/shm" };

static const VolumeDirectory tmpfs_directories[] = {
        { "files", 0, 0, 01777, .temporary = false },
};

const char *path_startswith(const char *path, const char *prefix) {
        const char *rest;

        rest = startswith(path, prefix);
        if (!rest)
                return NULL;
        if (*rest == '\0')
                return rest;

        return *rest == '/' ? rest + 1 : NULL;
}

/* "a//./b/" becomes "/box/a/b", "/tmp/." becomes "/tmp". */
static int path_normalize(const char *path, char **ret) {
        _cleanup_free_ char *buf = NULL;
        char *end;

        if (!box_path_is_valid(path))
                return -EINVAL;

        buf = new(char, strlen("/box/") + strlen(path) + 1);
        if (!buf)
                return -ENOMEM;
        end = path[0] == '/' ? buf : stpcpy(buf, "/box");

        for (const char *p = path; *p;) {
                size_t n = strcspn(p, "/");

                if (n > 1 || (n == 1 && p[0] != '.')) {
                        *end++ = '/';
                        end = mempcpy(end, p, n);
                }

                p += n;
                p += strspn(p, "/");
        }

        *end = '\0';
        if (end - buf >= PATH_MAX)
                return -ENAMETOOLONG;

        *ret = TAKE_PTR(buf);
        return 0;
}

/* In order of their paths, so that what lies above comes first; where two are the same the later one covers
 * the earlier. */
static int add_place(Layout *l, const char *path, const Place *place) {
        _cleanup_free_ char *normal = NULL;
        size_t i;
        int r;

        assert(l->n_places < LAYOUT_PLACES_MAX);

        if (!path || path[0] != '/')
                return -EINVAL;

        r = path_normalize(path, &normal);
        if (r < 0)
                return r;
        if (box_path_is_reserved(normal))
                return -EBUSY;

        for (i = l->n_places; i > 0 && strcmp(l->places[i - 1].path, normal) > 0; i--)
                l->places[i] = l->places[i - 1];

        l->places[i] = *place;
        l->places[i].path = TAKE_PTR(normal);
        l->n_places++;
        return 0;
}

static int add_storage(Layout *l, const BoxSettings *s) {
        int volume = (int) l->n_volumes++;

        l->volumes[volume] = (Volume) {
                .fd = -EBADF,
                .bytes = s->storage_bytes,
                .inodes = s->inodes,
                .directories = storage_directories,
                .n_directories = ELEMENTSOF(storage_directories),
        };

        for (size_t i = 0; i < ELEMENTSOF(storage_directories); i++) {
                Place p = { .fd = -EBADF, .volume = volume, .directory = storage_directories + i };
                int r;

                r = add_place(l, storage_paths[i], &p);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int add_tmpfs(Layout *l, const TmpfsSpec *t, uint64_t inodes) {
        int volume = (int) l->n_volumes++;
        Place p = { .fd = -EBADF, .volume = volume, .directory = tmpfs_directories };

        l->volumes[volume] = (Volume) {
                .fd = -EBADF,
                .bytes = t->bytes,
                .inodes = inodes,
                .directories = tmpfs_directories,
                .n_directories = ELEMENTSOF(tmpfs_directories),
        };

        return add_place(l, t->path, &p);
}

static int add_bind(Layout *l, const BindSpec *b) {
        _cleanup_close_ int fd = -EBADF;
        Place p;
        int r;

        fd = fcntl(b->source_fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;

        p = (Place) { .fd = fd, .volume = -1, .writable = b->writable, .noexec = b->noexec };
        r = add_place(l, b->path, &p);
        if (r < 0)
                return r;

        TAKE_FD(fd);
        return 0;
}

int layout_init(Layout *l, const BoxSettings *s, Step *ret_step) {
        int r;

        assert(l);
        assert(s);
        assert(ret_step);

        *l = (Layout) {};

        *ret_step = STEP_MOUNT;
        r = s->n_tmpfs <= BOX_TMPFS_MAX ? add_storage(l, s) : -EINVAL;
        for (size_t i = 0; r >= 0 && i < s->n_tmpfs; i++)
                r = add_tmpfs(l, s->tmpfs + i, s->inodes);

        if (r >= 0) {
                *ret_step = STEP_BIND;
                r = s->n_binds <= BOX_BINDS_MAX ? 0 : -EINVAL;
        }
        for (size_t i = 0; r >= 0 && i < s->n_binds; i++)
                r = add_bind(l, s->binds + i);

        if (r < 0)
                layout_done(l);
        return r;
}

void layout_done(Layout *l) {
        assert(l);

        for (size_t i = 0; i < l->n_places; i++) {
                free(l->places[i].path);
                (void) safe_close(l->places[i].fd);
        }
        for (size_t i = 0; i < l->n_volumes; i++)
                volume_done(l->volumes + i);

        *l = (Layout) {};
}

bool layout_has_writable_bind(const Layout *l) {
        assert(l);

        for (size_t i = 0; i < l->n_places; i++)
                if (place_is_bind(l->places + i) && l->places[i].writable)
                        return true;

        return false;
}

int layout_find(const Layout *l, const char *path, const Place **ret_place, char **ret_rest) {
        _cleanup_free_ char *normal = NULL;
        int r;

        assert(l);
        assert(ret_place);
        assert(ret_rest);

        r = path_normalize(path, &normal);
        if (r < 0)
                return r;

        /* Of those that match the last is the nearest. */
        for (size_t i = l->n_places; i > 0; i--) {
                const Place *p = l->places + i - 1;
                const char *rest;

                rest = path_startswith(normal, p->path);
                if (!rest)
                        continue;

                memmove(normal, rest, strlen(rest) + 1);
                *ret_place = p;
                *ret_rest = TAKE_PTR(normal);
                return 0;
        }

        return -EACCES;
}
