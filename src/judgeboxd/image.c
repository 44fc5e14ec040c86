/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "idmap.h"
#include "image.h"
#include "string-util.h"

#define NAME_LENGTH_MAX 64U

/* Somebody else may take the free loop device that the kernel named before we have it. */
#define LOOP_TRIES 64U

struct Images {
        char **directories;
};

static const struct {
        const char *suffix, *type; /* NULL: a directory */
} kinds[] = {
        { "", NULL },
        { ".squashfs", "squashfs" },
        { ".erofs", "erofs" },
};

int images_new(const char *state, Images **ret) {
        _cleanup_(images_freep) Images *images = NULL;
        int r;

        assert(state);
        assert(ret);

        images = new(Images, 1);
        if (!images)
                return -ENOMEM;
        *images = (Images) {};

        r = strv_extend(&images->directories, SYSCONFDIR "/judgebox/images");
        if (r >= 0)
                r = strv_extendf(&images->directories, "%s/images", state);
        if (r >= 0)
                r = strv_extend(&images->directories, VENDORDIR "/images");
        if (r < 0)
                return r;

        *ret = TAKE_PTR(images);
        return 0;
}

Images *images_free(Images *images) {
        if (!images)
                return NULL;

        strv_free(images->directories);
        return mfree(images);
}

bool image_name_is_valid(const char *name) {
        size_t n;

        if (isempty(name) || name[0] == '.')
                return false;

        n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-");
        return n <= NAME_LENGTH_MAX && name[n] == '\0';
}

/* A symbolic link is the admin's word for where it is. */
static int find(const Images *images, const char *name, size_t *ret_kind, char **ret_path) {
        STRV_FOREACH(d, images->directories)
                for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                        _cleanup_free_ char *path = strprintf("%s/%s%s", *d, name, kinds[i].suffix);
                        int fd;

                        if (!path)
                                return -ENOMEM;

                        fd = open(path, O_CLOEXEC | (kinds[i].type ? O_RDONLY | O_NONBLOCK | O_NOCTTY
                                                                   : O_PATH | O_DIRECTORY));
                        if (fd < 0) {
                                if (IN_SET(errno, ENOENT, ENOTDIR))
                                        continue;
                                return -errno;
                        }

                        *ret_kind = i;
                        *ret_path = TAKE_PTR(path);
                        return fd;
                }

        return -ENOENT;
}

static bool is_roots(const struct stat *st) {
        return st->st_uid == 0 && !(st->st_mode & 0022);
}

static int loop_attach(int control_fd, int fd, int *ret_number) {
        struct loop_config config = {
                .fd = (uint32_t) fd,
                .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
        };

        for (unsigned i = 0; i < LOOP_TRIES; i++) {
                _cleanup_close_ int loop_fd = -EBADF;
                char path[32];
                int n;

                n = ioctl(control_fd, LOOP_CTL_GET_FREE);
                if (n < 0)
                        return -errno;

                (void) snprintf(path, sizeof(path), "/dev/loop%i", n);
                loop_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
                if (loop_fd < 0)
                        return -errno;

                if (ioctl(loop_fd, LOOP_CONFIGURE, &config) >= 0) {
                        *ret_number = n;
                        return TAKE_FD(loop_fd);
                }
                if (errno != EBUSY)
                        return -errno;
        }

        return -EBUSY;
}

/* The device is gone when its last user is: our descriptor, and then the mount. */
static int mount_file(int fd, const char *type) {
        _cleanup_close_ int control_fd = -EBADF, loop_fd = -EBADF, fs_fd = -EBADF;
        char path[32];
        int n = -1;

        control_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        if (control_fd < 0)
                return -errno;

        loop_fd = loop_attach(control_fd, fd, &n);
        if (loop_fd < 0)
                return loop_fd;

        fs_fd = fsopen(type, FSOPEN_CLOEXEC);
        if (fs_fd < 0)
                return -errno;

        (void) snprintf(path, sizeof(path), "/dev/loop%i", n);
        if (fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", path, 0) < 0 ||
            fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
            fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;

        return RET_NERRNO(fsmount(fs_fd, FSMOUNT_CLOEXEC,
                                  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
}

static int clone_directory(int fd) {
        struct mount_attr attr = {
                .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                .propagation = MS_PRIVATE,
        };
        _cleanup_close_ int tree = -EBADF;

        tree = open_tree(fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
                return -errno;

        return TAKE_FD(tree);
}

int images_open(
                const Images *images,
                const char *name,
                int idmap_fd,
                const char *field,
                int *ret_mount_fd,
                Failure *f) {

        _cleanup_close_ int fd = -EBADF, mount_fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        struct stat st;
        size_t kind = 0;
        int r;

        assert(images);
        assert(field);
        assert(ret_mount_fd);

        if (!image_name_is_valid(name))
                return failure_set_field(f, field, "Not the name of an image.");

        fd = find(images, name, &kind, &path);
        if (fd == -ENOENT)
                return failure_set_field(f, field, "There is no image %s.", name);
        if (fd < 0)
                return failure_set_field(f, field, "Image %s: %s", name, strerror(-fd));

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!is_roots(&st) || (kinds[kind].type && !S_ISREG(st.st_mode)))
                return failure_set_field(f, field, "Image %s: %s can be written to by others than root.", name, path);

        mount_fd = kinds[kind].type ? mount_file(fd, kinds[kind].type) : clone_directory(fd);
        if (mount_fd < 0)
                return failure_set_field(f, field, "Image %s: failed to mount %s: %s", name, path, strerror(-mount_fd));

        r = idmap_fd >= 0 ? idmap_apply(idmap_fd, mount_fd) : 0;
        if (r < 0)
                return failure_set_field(f, field,
                                         "Image %s: the file system of %s cannot map its owners to those of a box: %s",
                                         name, path, strerror(-r));

        *ret_mount_fd = TAKE_FD(mount_fd);
        return 0;
}
