/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "mount-util.h"

int mount_new(const char *type, const char *const *options, unsigned attributes) {
        _cleanup_close_ int fd = -EBADF;

        assert(type);

        fd = fsopen(type, FSOPEN_CLOEXEC);
        if (fd < 0)
                return -errno;

        for (; options && options[0]; options += 2)
                if (fsconfig(fd, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, options[0], options[1], 0) < 0)
                        return -errno;

        if (fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;

        return RET_NERRNO(fsmount(fd, FSMOUNT_CLOEXEC, attributes));
}

int mount_clone(int dir_fd, const char *path, bool recursive) {
        return RET_NERRNO(open_tree(dir_fd, path,
                                    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                                                    (recursive ? AT_RECURSIVE : 0)));
}

int mount_restrict(int mount_fd, uint64_t attributes, bool recursive) {
        struct mount_attr attr = { .attr_set = attributes, .propagation = MS_PRIVATE };

        return RET_NERRNO(mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
                                        &attr, sizeof(attr)));
}

int mount_attach(int mount_fd, int target_fd, const char *target) {
        return RET_NERRNO(move_mount(mount_fd, "", target_fd, target,
                                     MOVE_MOUNT_F_EMPTY_PATH | (target[0] ? 0 : MOVE_MOUNT_T_EMPTY_PATH)));
}

int mount_detach(int mount_fd) {
        return RET_NERRNO(umount2(FD_PATH(mount_fd), MNT_DETACH));
}

int mount_bind(
                int source_fd,
                const char *source,
                int target_fd,
                const char *target,
                uint64_t attributes,
                bool recursive) {

        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = mount_clone(source_fd, source, recursive);
        if (fd < 0)
                return fd;

        r = mount_restrict(fd, attributes, recursive);
        if (r < 0)
                return r;

        return mount_attach(fd, target_fd, target);
}
