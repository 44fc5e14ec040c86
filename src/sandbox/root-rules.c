/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "fd-util.h"
#include "landlock.h"
#include "root-rules.h"
#include "string-util.h"

/* What root_setup() makes alike for all boxes. Devices are allowed one by one, because as standard input the host's
 * own may be meant, which is not below our /dev. In /proc is nothing but processes, whose files the kernel guards. */
static const struct {
        const char *path;
        LandlockAccess access;
} rules[] = {
        { "usr", LANDLOCK_READ | LANDLOCK_EXECUTE },
        { "bin", LANDLOCK_READ | LANDLOCK_EXECUTE },
        { "sbin", LANDLOCK_READ | LANDLOCK_EXECUTE },
        { "lib", LANDLOCK_READ | LANDLOCK_EXECUTE },
        { "lib64", LANDLOCK_READ | LANDLOCK_EXECUTE },
        { "lib32", LANDLOCK_READ | LANDLOCK_EXECUTE },
        { "libx32", LANDLOCK_READ | LANDLOCK_EXECUTE },
        { "etc", LANDLOCK_READ },
        { "proc", LANDLOCK_READ | LANDLOCK_WRITE },
        { "dev/null", LANDLOCK_READ | LANDLOCK_WRITE },
        { "dev/zero", LANDLOCK_READ | LANDLOCK_WRITE },
        { "dev/full", LANDLOCK_READ | LANDLOCK_WRITE },
        { "dev/random", LANDLOCK_READ | LANDLOCK_WRITE },
        { "dev/urandom", LANDLOCK_READ | LANDLOCK_WRITE },
};

static int allow_base(const Root *root, int ruleset_fd) {
        int r;

        /* Reaches down to everything, whence it is not said again. */
        r = landlock_allow(ruleset_fd, root->fd, LANDLOCK_LIST);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rules); i++) {
                _cleanup_close_ int fd = -EBADF;
                struct stat st;

                fd = openat(root->fd, rules[i].path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0) {
                        if (errno != ENOENT)
                                return -errno;
                        continue;
                }

                /* Where directories like /bin are links, they lead to /usr. */
                if (fstat(fd, &st) < 0)
                        return -errno;
                if (!S_ISLNK(st.st_mode))
                        r = landlock_allow(ruleset_fd, fd, rules[i].access);
        }

        /* Which are files to Landlock, of a file system that nobody can name. */
        if (r >= 0 && root->mqueue_fd >= 0)
                r = landlock_allow(ruleset_fd, root->mqueue_fd, LANDLOCK_READ | LANDLOCK_WRITE);

        return r;
}

static int allow_image(const Root *root, int ruleset_fd) {
        STRV_FOREACH(name, root->image.names) {
                _cleanup_close_ int fd = -EBADF;
                int r;

                fd = openat(root->fd, *name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return -errno;

                r = landlock_allow(ruleset_fd, fd, root->image.writable ? LANDLOCK_ALL : LANDLOCK_READ | LANDLOCK_EXECUTE);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int allow_places(const Layout *l, int ruleset_fd) {
        for (size_t i = 0; i < l->n_places; i++) {
                const Place *p = l->places + i;
                LandlockAccess access = LANDLOCK_ALL;
                int r;

                if (place_is_bind(p))
                        access = LANDLOCK_READ | (p->noexec ? 0 : LANDLOCK_EXECUTE) |
                                 (p->writable ? LANDLOCK_WRITE | LANDLOCK_CHANGE : 0);

                r = landlock_allow(ruleset_fd, p->fd, access | LANDLOCK_LIST);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int make_rules(const Root *root, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = landlock_new(&fd);
        if (r < 0)
                return r;

        r = allow_base(root, fd);
        if (r >= 0)
                r = allow_image(root, fd);
        if (r >= 0)
                r = allow_places(&root->layout, fd);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

int root_rules_update(Root *root) {
        int fd, r;

        assert(root);

        if (!landlock_is_supported())
                return 0;

        r = make_rules(root, &fd);
        if (r < 0)
                return r;

        (void) safe_close(root->ruleset_fd);
        root->ruleset_fd = fd;
        return 0;
}

/* Whether the file could be opened anew by its name in /proc/self/fd, and Landlock would have a say in that. */
static bool wants_rule(const struct statx *sx) {
        return S_ISREG(sx->stx_mode) || S_ISDIR(sx->stx_mode);
}

static int allow_descriptor(int ruleset_fd, int fd, const struct statx *sx, LandlockAccess max) {
        int flags;

        if (S_ISDIR(sx->stx_mode))
                return landlock_allow(ruleset_fd, fd, max);

        flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return -errno;

        return landlock_allow(ruleset_fd, fd,
                              max & (((flags & O_ACCMODE) == O_WRONLY ? 0 : LANDLOCK_READ | LANDLOCK_EXECUTE) |
                                     ((flags & O_ACCMODE) == O_RDONLY ? 0 : LANDLOCK_WRITE)));
}

int root_rules_allow_descriptor(int ruleset_fd, int fd, LandlockAccess max) {
        struct statx sx;
        int r;

        r = fd_statx_cached(fd, STATX_TYPE, &sx);
        if (r < 0)
                return r;

        return wants_rule(&sx) ? allow_descriptor(ruleset_fd, fd, &sx, max) : 0;
}

int root_rules_with(const Root *root, const int *fds, size_t n_fds, int *ret_fd) {
        _cleanup_close_ int ruleset_fd = -EBADF;
        int r;

        assert(root);
        assert(fds || n_fds == 0);
        assert(ret_fd);

        for (size_t i = 0; root->ruleset_fd >= 0 && i < n_fds; i++) {
                struct statx sx;

                r = fd_statx_cached(fds[i], STATX_TYPE, &sx);
                if (r < 0)
                        return r;
                if (!wants_rule(&sx))
                        continue;

                if (ruleset_fd < 0) {
                        r = make_rules(root, &ruleset_fd);
                        if (r < 0)
                                return r;
                }

                r = allow_descriptor(ruleset_fd, fds[i], &sx, LANDLOCK_ALL);
                if (r < 0)
                        return r;
        }

        *ret_fd = TAKE_FD(ruleset_fd);
        return 0;
}
