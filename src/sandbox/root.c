/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "devices.h"
#include "etc.h"
#include "fd-util.h"
#include "image.h"
#include "ipc.h"
#include "mount-util.h"
#include "proc.h"
#include "root-rules.h"

/* The order of things:
 *
 * The new root is mounted over the old one ("/" on "/"). Nobody sees it there, ourselves included,
 * because a path begins at the root that a process has, below whatever covers it; so the host's files
 * keep their names while the new root is filled through its descriptor, and no directory of the host is
 * needed as a mount point. pivot_root(".", ".") then swaps the two, the old one ends on top of the new
 * one, and is detached with everything in it.
 *
 * /proc comes before that, because the kernel lets a user namespace mount one only where it sees one
 * already.
 *
 * All that does not depend on the settings (tmpfs, links, /usr, /etc, /dev) is made by make_base() from
 * descriptors, so that it could also come as one prebuilt tree, copied by judgeboxd and attached here.
 * Measured, that would take half of the 0.5 ms that all of this takes. But before Linux 6.15 a tree that
 * is not attached can neither be mounted on nor copied, so somebody would have to keep it attached in a
 * mount namespace of the host, and a box with mount points or a name of its own would have to make its
 * own all the same; boxes made ahead save the other half too. */

#define HOST_NAME_LENGTH_MAX 64U /* uname(2) */
#define DOMAIN_NAME_DEFAULT "(none)" /* the kernel's */

static bool name_is_valid(const char *s) {
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

        return n <= HOST_NAME_LENGTH_MAX && s[n] == '\0';
}

static int make_directories(int root_fd) {
        static const char *const directories[] = { "etc", "dev", "dev/shm", "proc", "box", "tmp" };

        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                if (mkdirat(root_fd, directories[i], 0755) < 0)
                        return -errno;

        return 0;
}

/* Links into /usr, or on hosts that have not merged them directories like it. */
static int setup_usr(int root_fd) {
        static const char *const names[] = { "bin", "sbin", "lib", "lib64", "lib32", "libx32" };
        const uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
        int r;

        if (mkdirat(root_fd, "usr", 0755) < 0)
                return -errno;

        r = mount_bind(AT_FDCWD, "/usr", root_fd, "usr", attributes, /* recursive= */ true);
        if (r < 0)
                return r;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char path[16] = "/", target[PATH_MAX];
                ssize_t n;

                (void) stpcpy(path + 1, names[i]);

                n = readlinkat(AT_FDCWD, path, target, sizeof(target) - 1);
                if (n >= 0) {
                        target[n] = '\0';
                        if (symlinkat(target, root_fd, names[i]) < 0)
                                return -errno;
                } else if (errno == EINVAL) {
                        if (mkdirat(root_fd, names[i], 0755) < 0)
                                return -errno;

                        r = mount_bind(AT_FDCWD, path, root_fd, names[i], attributes, /* recursive= */ true);
                        if (r < 0)
                                return r;
                } else if (errno != ENOENT)
                        return -errno;
        }

        return 0;
}

static int make_base(const BoxSettings *s, Image *image, int *ret_fd, Step *ret_step) {
        static const char *const options[] = { "size", "1m", "nr_inodes", "4096", "mode", "0755", NULL };
        _cleanup_close_ int fd = -EBADF;
        int r;

        *ret_step = STEP_ROOT;
        fd = mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        if (fd < 0)
                return fd;

        r = mount_attach(fd, AT_FDCWD, "/");
        if (r < 0)
                return r;

        r = make_directories(fd);
        if (r < 0)
                return r;

        *ret_step = STEP_MOUNT;
        if (image->tree_fd >= 0)
                r = image_attach(image, fd);
        else
                r = s->bare_root ? 0 : setup_usr(fd);
        if (r >= 0 && !s->bare_root)
                r = etc_setup(fd, s, image->tree_fd);
        if (r >= 0 && image->tree_fd >= 0)
                r = image_hide(image);
        if (r < 0)
                return r;

        *ret_step = STEP_DEVICE;
        r = devices_setup(fd);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int pivot(int root_fd) {
        if (fchdir(root_fd) < 0 ||
            syscall(SYS_pivot_root, ".", ".") < 0 ||
            umount2(".", MNT_DETACH) < 0 ||
            chdir("/") < 0)
                return -errno;

        return 0;
}

static int set_names(const char *host_name, const char *domain_name) {
        if (sethostname(host_name, strlen(host_name)) < 0 ||
            setdomainname(domain_name, strlen(domain_name)) < 0)
                return -errno;

        return 0;
}

int root_setup(const BoxSettings *s, Root *ret, Step *ret_step) {
        _cleanup_(root_done) Root root = ROOT_NULL;
        const char *host_name, *domain_name;
        int r;

        assert(s);
        assert(ret);
        assert(ret_step);

        host_name = isempty(s->host_name) ? BOX_HOST_NAME_DEFAULT : s->host_name;
        domain_name = isempty(s->domain_name) ? DOMAIN_NAME_DEFAULT : s->domain_name;

        *ret_step = STEP_HOSTNAME;
        if (!name_is_valid(host_name) || !(isempty(s->domain_name) || name_is_valid(domain_name)))
                return -EINVAL;

        root.keep_temporary = s->keep_temporary;
        r = layout_init(&root.layout, s, ret_step);
        if (r < 0)
                return r;

        if (s->image_fd >= 0) {
                root.image = (Image) {
                        .tree_fd = fcntl(s->image_fd, F_DUPFD_CLOEXEC, 3),
                        .writable = s->image_writable,
                        .bytes = s->storage_bytes,
                        .inodes = s->inodes,
                };
                if (root.image.tree_fd < 0)
                        return -errno;
        }

        r = make_base(s, &root.image, &root.fd, ret_step);
        if (r < 0)
                return r;

        *ret_step = STEP_PROC;
        r = proc_setup(root.fd);
        if (r < 0)
                return r;

        r = layout_attach(&root.layout, root.fd, ret_step);
        if (r < 0)
                return r;

        *ret_step = STEP_PIVOT_ROOT;
        r = pivot(root.fd);
        if (r < 0)
                return r;

        *ret_step = STEP_ROOT;
        r = mount_restrict(root.fd, MOUNT_ATTR_RDONLY, /* recursive= */ false);
        if (r < 0)
                return r;

        *ret_step = STEP_IPC;
        r = ipc_open(&root.mqueue_fd);
        if (r < 0)
                return r;

        *ret_step = STEP_LANDLOCK;
        r = root_rules_update(&root);
        if (r < 0)
                return r;

        *ret_step = STEP_HOSTNAME;
        r = set_names(host_name, domain_name);
        if (r < 0)
                return r;

        *ret = root;
        root = ROOT_NULL;
        return 0;
}

void root_done(Root *r) {
        assert(r);

        layout_done(&r->layout);
        image_done(&r->image);
        r->fd = safe_close(r->fd);
        r->ruleset_fd = safe_close(r->ruleset_fd);
        r->mqueue_fd = safe_close(r->mqueue_fd);
}

int root_reset(Root *r) {
        bool wiped = !r->image.writable;
        Step step;
        int q;

        assert(r);

        for (size_t i = 0; wiped && i < r->layout.n_volumes; i++) {
                q = volume_wipe(r->layout.volumes + i);
                if (q < 0)
                        return q;
                wiped = q > 0;
        }

        if (wiped)
                return 0;

        q = layout_detach(&r->layout);
        if (q < 0)
                return q;

        if (r->image.writable) {
                q = image_renew(&r->image, r->fd);
                if (q < 0)
                        return q;
        }

        q = layout_attach(&r->layout, r->fd, &step);
        if (q < 0)
                return q;

        return root_rules_update(r);
}

int root_clear(Root *r) {
        int q;

        assert(r);

        if (r->keep_temporary)
                return 0;

        q = layout_clear(&r->layout, r->fd);
        return q > 0 ? root_rules_update(r) : q;
}

int root_usage(const Root *r, uint64_t *ret_bytes, uint64_t *ret_inodes) {
        assert(r);

        return volume_get_usage(r->layout.volumes, ret_bytes, ret_inodes);
}
