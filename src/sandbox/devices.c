/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "devices.h"
#include "fd-util.h"
#include "mount-util.h"

/* mknod() of a device needs a privilege of the host, so the host's own are bound, one by one: the
 * directory around them has what no box should see. Read-only keeps a program from changing times on the
 * host's inode; it does not matter to what is read from and written to the device. */

static const struct {
        const char *name;
        unsigned minor;
} devices[] = {
        { "null", 3 }, { "zero", 5 }, { "full", 7 }, { "random", 8 }, { "urandom", 9 },
};

#define DEVICES_MAJOR 1U

static const struct {
        const char *name, *target;
} links[] = {
        { "fd", "/proc/self/fd" },
        { "stdin", "/proc/self/fd/0" },
        { "stdout", "/proc/self/fd/1" },
        { "stderr", "/proc/self/fd/2" },
};

static int check_device(int fd, unsigned minor_number) {
        struct statvfs vfs;
        struct stat st;

        if (fstat(fd, &st) < 0 || fstatvfs(fd, &vfs) < 0)
                return -errno;

        if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(DEVICES_MAJOR, minor_number))
                return -ENODEV;

        return vfs.f_flag & ST_NODEV ? -EACCES : 0;
}

static int bind_device(int dev_fd, const char *name, unsigned minor_number) {
        char source[sizeof("/dev/") + 16];
        _cleanup_close_ int fd = -EBADF;
        int r;

        (void) snprintf(source, sizeof(source), "/dev/%s", name);

        fd = mount_clone(AT_FDCWD, source, /* recursive= */ false);
        if (fd < 0)
                return fd;

        r = check_device(fd, minor_number);
        if (r < 0)
                return r;

        r = mount_restrict(fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                           /* recursive= */ false);
        if (r < 0)
                return r;

        if (mknodat(dev_fd, name, S_IFREG | 0444, 0) < 0)
                return -errno;

        return mount_attach(fd, dev_fd, name);
}

int devices_setup(int root_fd) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(root_fd, "dev", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(devices); i++) {
                int r;

                r = bind_device(fd, devices[i].name, devices[i].minor);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                if (symlinkat(links[i].target, fd, links[i].name) < 0)
                        return -errno;

        return 0;
}
