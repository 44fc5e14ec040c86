/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "fd-util.h"
#include "landlock.h"
#include "root-rules.h"
#include "run-rules.h"
#include "spec.h"

#define LINKS_MAX 40U /* as the kernel's (path_resolution(7)) */

int run_rules_new(const Root *root, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        assert(root);
        assert(ret_fd);

        r = landlock_new(&fd);
        if (r < 0)
                return r;

        /* Message queues have names, but no paths. */
        if (root->mqueue_fd >= 0) {
                r = landlock_allow(fd, root->mqueue_fd, LANDLOCK_READ | LANDLOCK_WRITE);
                if (r < 0)
                        return r;
        }

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* What of the path is left if this link, in front of `rest`, is followed. */
static int follow(int link_fd, const char *rest, char **ret) {
        char target[PATH_MAX];
        struct statvfs v;
        char *path;
        ssize_t n;

        /* Nothing but this says so for all kinds of mounts: images with an overlay, binds, file systems in memory.
         * Those of /proc are on one that is not read-only. */
        if (fstatvfs(link_fd, &v) < 0)
                return -errno;
        if (!FLAGS_SET(v.f_flag, ST_RDONLY))
                return -ELOOP;

        n = readlinkat(link_fd, "", target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';

        path = strprintf("%s%s", target, rest);
        if (!path)
                return -ENOMEM;

        free(*ret);
        *ret = path;
        return 0;
}

/* O_PATH. The program's root is ours, so that no ".." of a link leads out of it. */
static int open_path(const Root *root, const char *path, int *ret_fd) {
        _cleanup_free_ char *copy = NULL;
        _cleanup_close_ int fd = -EBADF;
        unsigned n_links = 0;
        const char *p;

        p = copy = path[0] == '/' ? strdup(path) : strprintf("%s/%s", BOX_DIRECTORY, path);
        if (!copy)
                return -ENOMEM;

        fd = fcntl(root->fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;

        for (;;) {
                _cleanup_close_ int next = -EBADF;
                char name[NAME_MAX + 1];
                struct stat st;
                size_t n;
                int r;

                p += strspn(p, "/");
                n = strcspn(p, "/");
                if (n == 0)
                        break;
                if (n > NAME_MAX)
                        return -ENAMETOOLONG;
                *(char *) mempcpy(name, p, n) = '\0';
                p += n;

                next = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0 || fstat(next, &st) < 0)
                        return -errno;

                if (!S_ISLNK(st.st_mode)) {
                        (void) safe_close(fd);
                        fd = TAKE_FD(next);
                        continue;
                }

                if (++n_links > LINKS_MAX)
                        return -ELOOP;
                r = follow(next, p, &copy);
                if (r < 0)
                        return r;
                p = copy;

                if (p[0] == '/') {
                        (void) safe_close(fd);
                        fd = fcntl(root->fd, F_DUPFD_CLOEXEC, 3);
                        if (fd < 0)
                                return -errno;
                }
        }

        *ret_fd = TAKE_FD(fd);
        return 0;
}

int run_rules_add(int ruleset_fd, const Root *root, const PathRule *rule) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        assert(root);
        assert(rule);

        r = open_path(root, rule->path, &fd);
        if (r == -ENOENT && rule->optional)
                return 0;
        if (r < 0)
                return r;

        return landlock_allow(ruleset_fd, fd,
                              (rule->read ? LANDLOCK_LIST | LANDLOCK_READ : 0) |
                                              (rule->write ? LANDLOCK_WRITE | LANDLOCK_CHANGE : 0) |
                                              (rule->execute ? LANDLOCK_EXECUTE | LANDLOCK_READ : 0));
}

int run_rules_add_descriptor(int ruleset_fd, int fd) {
        return root_rules_allow_descriptor(ruleset_fd, fd, LANDLOCK_ALL & ~LANDLOCK_EXECUTE);
}
