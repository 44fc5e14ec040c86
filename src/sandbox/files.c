/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <sys/stat.h>

#include "beneath.h"
#include "fd-util.h"
#include "files.h"
#include "identity.h"

/* How often a name is taken away again before the program that keeps putting something there wins. */
#define CREATE_ATTEMPTS_MAX 16U

static int check_regular(int fd, uint64_t *ret_size) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -ENXIO;

        *ret_size = (uint64_t) st.st_size;
        return 0;
}

static int open_for_reading(const Place *p, const char *rest) {
        struct stat st;

        /* A file that is bound by itself is opened through its descriptor; it cannot be another one
         * meanwhile. */
        if (rest[0] == '\0') {
                if (fstat(p->fd, &st) < 0)
                        return -errno;
                if (S_ISREG(st.st_mode))
                        return RET_NERRNO(open(FD_PATH(p->fd), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
        }

        return open_beneath(p->fd, rest, O_RDONLY | O_NONBLOCK, /* one_mount= */ !place_is_bind(p));
}

static int files_open_existing(const Place *p, const char *rest, int *ret_fd, uint64_t *ret_size) {
        _cleanup_(identity_done) Identity identity = {};
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = identity_become_program(&identity);
        if (r < 0)
                return r;

        fd = open_for_reading(p, rest);
        if (fd < 0)
                return fd;

        r = check_regular(fd, ret_size);
        if (r < 0)
                return r;

        /* That was for FIFOs and leases. */
        r = fd_set_nonblock(fd, false);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Descends from a place, making what is missing. */
static int make_directories(const Place *p, const char *path) {
        _cleanup_close_ int fd = -EBADF;

        fd = open_beneath(p->fd, "", O_PATH | O_DIRECTORY, /* one_mount= */ true);
        if (fd < 0)
                return fd;

        while (*path) {
                const char *slash = strchrnul(path, '/');
                char name[NAME_MAX + 1];
                int next;

                *(char *) mempcpy(name, path, (size_t) (slash - path)) = '\0';

                if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
                        return -errno;

                next = open_beneath(fd, name, O_PATH | O_DIRECTORY, /* one_mount= */ true);
                if (next < 0)
                        return next;

                (void) safe_close(fd);
                fd = next;
                path = *slash ? slash + 1 : slash;
        }

        return TAKE_FD(fd);
}

/* Cuts off and returns the last name; what remains is its directory. */
static const char *split_last(char *path, const char **ret_parent) {
        char *slash;

        slash = strrchr(path, '/');
        if (!slash) {
                *ret_parent = "";
                return path;
        }

        *slash = '\0';
        *ret_parent = path;
        return slash + 1;
}

static int create_new(int dir_fd, const char *name, mode_t mode) {
        for (unsigned i = 0; i < CREATE_ATTEMPTS_MAX; i++) {
                int fd;

                fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
                if (fd >= 0 || errno != EEXIST)
                        return RET_NERRNO(fd);

                if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
                        return -errno;
        }

        return -EBUSY;
}

static int files_create(const Place *p, char *rest, FileFlags flags, int *ret_fd, uint64_t *ret_size) {
        mode_t mode = FLAGS_SET(flags, FILE_EXECUTABLE) ? 0755 : 0644;
        _cleanup_(identity_done) Identity identity = {};
        _cleanup_close_ int dir_fd = -EBADF, fd = -EBADF;
        const char *parent, *name;
        int r;

        if (!place_is_writable(p))
                return -EROFS;
        if (rest[0] == '\0')
                return -EISDIR;

        name = split_last(rest, &parent);

        r = identity_become_program(&identity);
        if (r < 0)
                return r;

        if (FLAGS_SET(flags, FILE_PARENTS))
                dir_fd = make_directories(p, parent);
        else
                dir_fd = open_beneath(p->fd, parent, O_PATH | O_DIRECTORY, /* one_mount= */ true);
        if (dir_fd < 0)
                return dir_fd;

        fd = create_new(dir_fd, name, mode);
        if (fd < 0)
                return fd;

        /* Whatever umask and the directory's default ACL made of it. */
        if (fchmod(fd, mode) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        *ret_size = 0;
        return 0;
}

int files_open(const Root *r, const char *path, FileFlags flags, int *ret_fd, uint64_t *ret_size) {
        _cleanup_free_ char *rest = NULL;
        const Place *place;
        int q;

        assert(r);
        assert(ret_fd);
        assert(ret_size);

        q = layout_find(&r->layout, path, &place, &rest);
        if (q < 0)
                return q;

        if (FLAGS_SET(flags, FILE_CREATE))
                return files_create(place, rest, flags, ret_fd, ret_size);

        return files_open_existing(place, rest, ret_fd, ret_size);
}

int files_mkdir(const Root *r, const char *path) {
        _cleanup_(identity_done) Identity identity = {};
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *rest = NULL;
        const Place *place;
        int q;

        assert(r);

        q = layout_find(&r->layout, path, &place, &rest);
        if (q < 0)
                return q;

        if (!place_is_writable(place))
                return -EROFS;

        q = identity_become_program(&identity);
        if (q < 0)
                return q;

        fd = make_directories(place, rest);
        return fd < 0 ? fd : 0;
}

/* Something of the box's settings that is mounted in there must not be taken away with it. */
static bool place_is_below(const Layout *l, const Place *p, const char *rest) {
        size_t n = strlen(p->path), m = strlen(rest);

        for (size_t i = 0; i < l->n_places; i++) {
                const char *path = l->places[i].path;

                if (strncmp(path, p->path, n) == 0 && path[n] == '/' &&
                    strncmp(path + n + 1, rest, m) == 0 && IN_SET(path[n + 1 + m], '/', '\0'))
                        return true;
        }

        return false;
}

static int remove_one(int dir_fd, const char *name) {
        if (unlinkat(dir_fd, name, 0) < 0 && (errno != EISDIR || unlinkat(dir_fd, name, AT_REMOVEDIR) < 0))
                return -errno;

        return 0;
}

/* As the program. */
static int remove_from_bind(const Place *p, const char *parent, const char *name, FileFlags flags, BindRemoval **ret) {
        _cleanup_(identity_done) Identity identity = {};
        _cleanup_close_ int dir_fd = -EBADF;
        int r;

        if (!p->writable)
                return -EROFS;

        r = identity_become_program(&identity);
        if (r < 0)
                return r;

        dir_fd = open_beneath(p->fd, parent, O_PATH | O_DIRECTORY, /* one_mount= */ true);
        if (dir_fd < 0)
                return dir_fd;

        r = remove_one(dir_fd, name);
        if (!IN_SET(r, -ENOTEMPTY, -EEXIST) || !FLAGS_SET(flags, FILE_RECURSIVE))
                return r;

        r = bind_removal_new(TAKE_FD(dir_fd), name, ret);
        return r < 0 ? r : 1;
}

/* Not as the program: it can make directories that it could not remove itself. Through the volume and not
 * the place, because the trash is on the former, and to the kernel these are two mounts. */
int files_remove(Root *r, const char *path, FileFlags flags, TreeRemoval *ret, BindRemoval **ret_bind) {
        _cleanup_close_ int top_fd = -EBADF, dir_fd = -EBADF;
        _cleanup_free_ char *rest = NULL;
        const char *parent, *name;
        const Place *place;
        Volume *volume;
        int q;

        assert(r);

        q = layout_find(&r->layout, path, &place, &rest);
        if (q < 0)
                return q;

        if (rest[0] == '\0' || place_is_below(&r->layout, place, rest))
                return -EBUSY;

        name = split_last(rest, &parent);
        if (place_is_bind(place))
                return remove_from_bind(place, parent, name, flags, ret_bind);

        volume = r->layout.volumes + place->volume;

        top_fd = open_beneath(volume->fd, place->directory->name, O_PATH | O_DIRECTORY, /* one_mount= */ true);
        if (top_fd < 0)
                return top_fd;

        dir_fd = open_beneath(top_fd, parent, O_PATH | O_DIRECTORY, /* one_mount= */ true);
        if (dir_fd < 0)
                return dir_fd;

        if (!FLAGS_SET(flags, FILE_RECURSIVE))
                return remove_one(dir_fd, name);

        q = volume_remove(volume, dir_fd, name, ret);
        return q < 0 ? q : 1;
}
