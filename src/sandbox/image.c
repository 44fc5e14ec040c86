/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "image.h"
#include "mount-util.h"
#include "string-util.h"

/* Only what is attached can be copied from, so for a while the tree has a place. */
#define IMAGE_PLACE ".image"

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

        return RET_NERRNO(symlinkat(target, root_fd, name));
}

/* Returns whether it is something to execute below of. */
static int attach_entry(int image_fd, const char *name, int root_fd) {
        struct stat st;
        int r;

        if (fstatat(image_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;

        if (S_ISLNK(st.st_mode)) {
                r = copy_link(image_fd, name, root_fd);
                return r < 0 ? r : 0;
        }
        if (!S_ISDIR(st.st_mode))
                return 0;

        if (mkdirat(root_fd, name, 0755) < 0)
                return -errno;

        r = mount_bind(image_fd, name, root_fd, name, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                       /* recursive= */ true);
        return r < 0 ? r : 1;
}

static int attach_entries(DIR *d, int root_fd, char ***names) {
        struct dirent *e;
        size_t n = 0;
        int r;

        while ((errno = 0, e = readdir(d))) {
                if (is_own(e->d_name))
                        continue;
                if (++n > IMAGE_NAMES_MAX)
                        return -E2BIG;

                r = attach_entry(dirfd(d), e->d_name, root_fd);
                if (r > 0)
                        r = strv_extend(names, e->d_name);
                if (r < 0)
                        return r;
        }

        return -errno;
}

int image_attach(int root_fd, int image_fd, char ***ret_names) {
        _cleanup_strv_free_ char **names = NULL;
        DIR *d;
        int fd, r;

        assert(ret_names);

        if (mkdirat(root_fd, IMAGE_PLACE, 0700) < 0)
                return -errno;

        r = mount_attach(image_fd, root_fd, IMAGE_PLACE);
        if (r < 0)
                return r;

        fd = openat(image_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        d = fdopendir(fd);
        if (!d) {
                (void) safe_close(fd);
                return -ENOMEM;
        }

        r = attach_entries(d, root_fd, &names);
        (void) closedir(d);
        if (r < 0)
                return r;

        *ret_names = TAKE_PTR(names);
        return 0;
}

int image_hide(int root_fd, int image_fd) {
        int r;

        r = mount_detach(image_fd);
        if (r < 0)
                return r;

        return RET_NERRNO(unlinkat(root_fd, IMAGE_PLACE, AT_REMOVEDIR));
}
