/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "image.h"
#include "mount-util.h"
#include "spec.h"
#include "string-util.h"

/* Only what is attached can be copied from, so for a while all of it has a place. */
#define IMAGE_PLACE ".image"
#define LOWER_PLACE IMAGE_PLACE "/lower"
#define UPPER_PLACE IMAGE_PLACE "/upper"
#define MERGED_PLACE IMAGE_PLACE "/merged"

/* Beside what is written: the tmpfs' root, and the overlay's two directories. */
#define OVERLAY_INODES 8U

static bool is_own(const char *name) {
        static const char *const names[] = { "box", "boot", "dev", "etc", "proc", "run", "sys", "tmp" };

        if (name[0] == '.')
                return true;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i], name))
                        return true;

        return false;
}

static int copy_link(int image_fd, const char *name, int root_fd) {
        char target[PATH_MAX];
        ssize_t n;

        n = readlinkat(image_fd, name, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';

        return symlinkat(target, root_fd, name) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_directory(int dir_fd, const char *name, mode_t mode) {
        return mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST ? -errno : 0;
}

void image_done(Image *m) {
        assert(m);

        m->names = strv_free(m->names);
        m->tree_fd = safe_close(m->tree_fd);
}

/* Returns whether it is a directory, which is attached now. */
static int attach_entry(int source_fd, const char *name, int root_fd, bool writable) {
        struct stat st;
        int r;

        if (fstatat(source_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;

        if (S_ISLNK(st.st_mode)) {
                r = copy_link(source_fd, name, root_fd);
                return r < 0 ? r : 0;
        }
        if (!S_ISDIR(st.st_mode))
                return 0;

        r = make_directory(root_fd, name, 0755);
        if (r < 0)
                return r;

        r = mount_bind(source_fd, name, root_fd, name,
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (writable ? 0 : MOUNT_ATTR_RDONLY),
                       /* recursive= */ true);
        return r < 0 ? r : 1;
}

static int attach_entries(Image *m, DIR *d, int root_fd) {
        _cleanup_strv_free_ char **names = NULL;
        struct dirent *e;
        size_t n = 0;
        int r;

        while ((errno = 0, e = readdir(d))) {
                if (is_own(e->d_name))
                        continue;
                if (++n > IMAGE_NAMES_MAX)
                        return -E2BIG;

                r = attach_entry(dirfd(d), e->d_name, root_fd, m->writable);
                if (r > 0)
                        r = strv_extend(&names, e->d_name);
                if (r < 0)
                        return r;
        }
        if (errno != 0)
                return -errno;

        (void) strv_free(m->names);
        m->names = TAKE_PTR(names);
        return 0;
}

static int attach_all(Image *m, int source_fd, int root_fd) {
        DIR *d;
        int fd, r;

        fd = openat(source_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        d = fdopendir(fd);
        if (!d) {
                (void) safe_close(fd);
                return -ENOMEM;
        }

        r = attach_entries(m, d, root_fd);
        (void) closedir(d);
        return r;
}

static int make_upper(const Image *m, int *ret_fd) {
        char size[32], inodes[32];
        const char *options[] = { "size", size, "nr_inodes", inodes, "mode", "0700", NULL };
        _cleanup_close_ int fd = -EBADF;

        (void) snprintf(size, sizeof(size), "%" PRIu64, m->bytes);
        (void) snprintf(inodes, sizeof(inodes), "%" PRIu64, m->inodes + OVERLAY_INODES);

        fd = mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        if (fd < 0)
                return fd;

        if (mkdirat(fd, "upper", 0755) < 0 || mkdirat(fd, "work", 0700) < 0 ||
            fchownat(fd, "upper", BOX_UID, BOX_GID, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The overlay has its own hold of the two sides, so all three can be taken away once what is in it is attached. */
static int attach_overlay(Image *m, int root_fd) {
        _cleanup_close_ int upper_fd = -EBADF, merged_fd = -EBADF, upper_dir = -EBADF, work_dir = -EBADF;
        int r;

        r = make_upper(m, &upper_fd);
        if (r >= 0)
                r = mount_attach(upper_fd, root_fd, UPPER_PLACE);
        if (r < 0)
                return r;

        upper_dir = openat(upper_fd, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
        work_dir = openat(upper_fd, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (upper_dir < 0 || work_dir < 0)
                return -errno;

        merged_fd = mount_new("overlay",
                              (const char *const[]) {
                                      "lowerdir", FD_PATH(m->tree_fd),
                                      "upperdir", FD_PATH(upper_dir),
                                      "workdir", FD_PATH(work_dir),
                                      "userxattr", NULL, /* others are not for user namespaces */
                                      NULL,
                              },
                              MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        if (merged_fd < 0)
                return merged_fd;

        r = mount_attach(merged_fd, root_fd, MERGED_PLACE);
        if (r >= 0)
                r = attach_all(m, merged_fd, root_fd);
        if (r >= 0)
                r = mount_detach(merged_fd);
        if (r >= 0)
                r = mount_detach(upper_fd);
        return r;
}

int image_attach(Image *m, int root_fd) {
        static const char *const places[] = { IMAGE_PLACE, LOWER_PLACE, UPPER_PLACE, MERGED_PLACE };
        int r;

        assert(m);
        assert(m->tree_fd >= 0);

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                r = make_directory(root_fd, places[i], 0700);
                if (r < 0)
                        return r;
        }

        r = mount_attach(m->tree_fd, root_fd, LOWER_PLACE);
        if (r < 0)
                return r;

        return m->writable ? attach_overlay(m, root_fd) : attach_all(m, m->tree_fd, root_fd);
}

int image_hide(Image *m) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        assert(m);

        /* Detached, it could neither be attached again nor copied. */
        if (m->writable) {
                fd = mount_clone(m->tree_fd, "", /* recursive= */ true);
                if (fd < 0)
                        return fd;
        }

        r = mount_detach(m->tree_fd);
        if (r < 0)
                return r;

        (void) safe_close(m->tree_fd);
        m->tree_fd = TAKE_FD(fd);
        return 0;
}

int image_renew(Image *m, int root_fd) {
        int r;

        assert(m);
        assert(m->writable);

        STRV_FOREACH(name, m->names) {
                _cleanup_close_ int fd = -EBADF;

                fd = openat(root_fd, *name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return -errno;

                r = mount_detach(fd);
                if (r < 0)
                        return r;
        }

        r = image_attach(m, root_fd);
        return r < 0 ? r : image_hide(m);
}
