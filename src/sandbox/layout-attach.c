/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <sys/stat.h>

#include "beneath.h"
#include "fd-util.h"
#include "layout.h"
#include "mount-util.h"

/* Whether names may be made in a directory: in the box's own file systems, never in a tenant's. Returns 1
 * where they are the program's (in a volume), 0 where they are not (on the root), -ENOENT for any other. */
static int find_owner(const Layout *l, int root_fd, int dir_fd) {
        struct stat dir, st;

        if (fstat(dir_fd, &dir) < 0 || fstat(root_fd, &st) < 0)
                return -errno;
        if (st.st_dev == dir.st_dev)
                return 0;

        for (size_t i = 0; i < l->n_volumes; i++) {
                if (l->volumes[i].fd < 0)
                        continue;

                if (fstat(l->volumes[i].fd, &st) < 0)
                        return -errno;
                if (st.st_dev == dir.st_dev)
                        return 1;
        }

        return -ENOENT;
}

static int make_one(const Layout *l, int root_fd, int dir_fd, const char *name, bool directory) {
        int owned;

        owned = find_owner(l, root_fd, dir_fd);
        if (owned < 0)
                return owned;

        if ((directory ? mkdirat(dir_fd, name, 0755) : mknodat(dir_fd, name, S_IFREG | 0644, 0)) < 0)
                return -errno;

        return owned ? RET_NERRNO(fchownat(dir_fd, name, BOX_UID, BOX_GID, AT_SYMLINK_NOFOLLOW)) : 0;
}

/* Returns a descriptor of what is to be covered: a directory or a regular file. */
static int open_mount_point(const Layout *l, int root_fd, const char *path, bool directory) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;

        for (const char *p = path + 1; p;) {
                const char *slash = strchrnul(p, '/');
                bool dir = *slash || directory;
                char name[NAME_MAX + 1];
                int next;

                *(char *) mempcpy(name, p, (size_t) (slash - p)) = '\0';

                next = open_beneath(fd, name, O_PATH | (dir ? O_DIRECTORY : 0), /* one_mount= */ false);
                if (next == -ENOENT) {
                        r = make_one(l, root_fd, fd, name, dir);
                        if (r < 0)
                                return r;
                        next = open_beneath(fd, name, O_PATH | (dir ? O_DIRECTORY : 0), /* one_mount= */ false);
                }
                if (next < 0)
                        return next;

                (void) safe_close(fd);
                fd = next;
                p = *slash ? slash + 1 : NULL;
        }

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!directory && !S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTDIR;

        return TAKE_FD(fd);
}

static int attach_volume(Layout *l, Place *p, int root_fd) {
        _cleanup_close_ int target = -EBADF;
        Volume *v = l->volumes + p->volume;
        int fd, r;

        target = open_mount_point(l, root_fd, p->path, /* directory= */ true);
        if (target < 0)
                return target;

        if (v->fd < 0) {
                r = volume_make(v);
                if (r < 0)
                        return r;

                /* Only what is attached can be copied. Here it is out of the way: its own directory
                 * covers it. */
                r = mount_attach(v->fd, target, "");
                if (r < 0)
                        return r;

                p->holds_volume = true;
                (void) safe_close(target);
                target = fcntl(v->fd, F_DUPFD_CLOEXEC, 3);
                if (target < 0)
                        return -errno;
        }

        fd = mount_clone(v->fd, p->directory->name, /* recursive= */ false);
        if (fd < 0)
                return fd;
        p->fd = fd;

        return mount_attach(fd, target, "");
}

static int attach_bind(Layout *l, Place *p, int root_fd) {
        _cleanup_close_ int target = -EBADF;
        struct stat st;
        int r;

        if (fstat(p->fd, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
                return -EINVAL;

        target = open_mount_point(l, root_fd, p->path, S_ISDIR(st.st_mode));
        if (target < 0)
                return target;

        r = mount_restrict(p->fd,
                           MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (p->writable ? 0 : MOUNT_ATTR_RDONLY) |
                                           (p->noexec ? MOUNT_ATTR_NOEXEC : 0),
                           /* recursive= */ true);
        if (r < 0)
                return r;

        return mount_attach(p->fd, target, "");
}

static int attach_place(Layout *l, Place *p, int root_fd) {
        return place_is_bind(p) ? attach_bind(l, p, root_fd) : attach_volume(l, p, root_fd);
}

int layout_attach(Layout *l, int root_fd, Step *ret_step) {
        int r;

        assert(l);
        assert(root_fd >= 0);
        assert(ret_step);

        for (size_t i = 0; i < l->n_places; i++) {
                Place *p = l->places + i;

                *ret_step = place_is_bind(p) ? STEP_BIND : STEP_MOUNT;
                r = attach_place(l, p, root_fd);
                if (r < 0)
                        return r;
        }

        *ret_step = STEP_MOUNT;
        for (size_t i = 0; i < l->n_volumes; i++) {
                r = volume_mark_new(l->volumes + i);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int detach_bind(Place *p) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        /* Detached, it could neither be attached again nor copied. */
        fd = mount_clone(p->fd, "", /* recursive= */ true);
        if (fd < 0)
                return fd;

        r = mount_detach(p->fd);
        if (r < 0)
                return r;

        (void) safe_close(p->fd);
        p->fd = TAKE_FD(fd);
        return 0;
}

static int detach_volume(Layout *l, Place *p) {
        Volume *v = l->volumes + p->volume;
        int r;

        r = mount_detach(p->fd);
        if (r < 0)
                return r;
        p->fd = safe_close(p->fd);

        if (!p->holds_volume)
                return 0;

        /* It was below its directory. */
        r = mount_detach(v->fd);
        if (r < 0)
                return r;

        volume_done(v);
        p->holds_volume = false;
        return 0;
}

static int detach_place(Layout *l, Place *p) {
        return place_is_bind(p) ? detach_bind(p) : detach_volume(l, p);
}

int layout_detach(Layout *l) {
        assert(l);

        for (size_t i = l->n_places; i > 0; i--) {
                int r;

                r = detach_place(l, l->places + i - 1);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* What lies in or on a temporary directory: its path begins with that of one, which comes before it. */
static bool place_is_in_temporary(const Layout *l, const Place *p) {
        for (const Place *above = l->places; above < p; above++)
                if (above->directory && above->directory->temporary && path_startswith(p->path, above->path))
                        return true;

        return false;
}

int layout_clear(Layout *l, int root_fd) {
        bool mounted[LAYOUT_PLACES_MAX] = {};
        int r, changed = 0;

        assert(l);

        for (size_t i = l->n_places; i > 0; i--) {
                mounted[i - 1] = place_is_in_temporary(l, l->places + i - 1);
                if (!mounted[i - 1])
                        continue;

                r = detach_place(l, l->places + i - 1);
                if (r < 0)
                        return r;
                changed = 1;
        }

        r = volume_clear(l->volumes);
        if (r < 0)
                return r;

        for (size_t i = 0; i < l->n_places; i++) {
                Place *p = l->places + i;

                if (!mounted[i])
                        continue;

                r = attach_place(l, p, root_fd);
                if (r >= 0 && p->holds_volume)
                        r = volume_mark_new(l->volumes + p->volume);
                if (r < 0)
                        return r;
        }

        return changed;
}
