/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walks through what a program left, which has ended. However deep it nests directories, and however it shuts them, its
 * verdict must not become a failure of the sandbox: so no descriptor is held for each level, and where its owner is who
 * walks, a directory is opened to him. */

#include <dirent.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "isolate.h"
#include "string-util.h"

/* A directory that the walk is in or below. */
typedef struct Level {
        dev_t device;
        ino_t inode;
        char **left; /* its directories, the next at n_left - 1 */
        size_t n_left;
} Level;

typedef struct Walk {
        Level *levels;
        size_t n, n_allocated;
        int fd;    /* the innermost level's */
        int error; /* what could not be done does not keep the rest */
} Walk;

static void level_done(Level *l) {
        for (size_t i = 0; i < l->n_left; i++)
                free(l->left[i]);
        free(l->left);
}

static void walk_done(Walk *w) {
        for (size_t i = 0; i < w->n; i++)
                level_done(w->levels + i);
        free(w->levels);
        (void) safe_close(w->fd);
}

/* For what a directory's own mode denies to its owner. */
static int make_accessible(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if ((st.st_mode & 0700) == 0700)
                return -EACCES;

        return RET_NERRNO(chmod(FD_PATH(fd), (st.st_mode & 07777) | 0700));
}

static int open_directory(int dir_fd, const char *name) {
        _cleanup_close_ int path_fd = -EBADF;
        int fd, r;

        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 || errno != EACCES)
                return RET_NERRNO(fd);

        path_fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (path_fd < 0)
                return -errno;

        r = make_accessible(path_fd);
        return r < 0 ? r : RET_NERRNO(openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

int program_directory_open(int dir_fd, const char *name) {
        _cleanup_close_ int path_fd = -EBADF;
        struct stat st;
        int r;

        path_fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (path_fd < 0 || fstat(path_fd, &st) < 0)
                return -errno;

        if ((st.st_mode & 0500) != 0500) {
                r = make_accessible(path_fd);
                if (r < 0)
                        return r;
        }

        return open_directory(dir_fd, name);
}

/* Returns 1 for a directory. */
static int clear_entry(int dir_fd, const char *name) {
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return 1;

        return S_ISREG(st.st_mode) ? 0 : RET_NERRNO(unlinkat(dir_fd, name, 0));
}

static int clear_entries(Walk *w, DIR *d, Level *l) {
        struct dirent *e;

        while ((e = readdir(d))) {
                char **grown;
                int r;

                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;

                r = clear_entry(dirfd(d), e->d_name);
                if (r == -EACCES && make_accessible(dirfd(d)) >= 0)
                        r = clear_entry(dirfd(d), e->d_name);
                if (r < 0)
                        w->error = r;
                if (r <= 0)
                        continue;

                grown = reallocarray(l->left, l->n_left + 1, sizeof(char *));
                if (!grown)
                        return -ENOMEM;
                l->left = grown;
                l->left[l->n_left] = strdup(e->d_name);
                if (!l->left[l->n_left])
                        return -ENOMEM;
                l->n_left++;
        }

        return 0;
}

/* Takes the descriptor over: it is the innermost now, and all in it but its directories is done. */
static int enter(Walk *w, int directory_fd) {
        _cleanup_close_ int fd = directory_fd;
        struct stat st;
        Level *l;
        DIR *d;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;

        if (w->n >= w->n_allocated) {
                size_t n = MAX(2 * w->n_allocated, (size_t) 16);

                l = reallocarray(w->levels, n, sizeof(Level));
                if (!l)
                        return -ENOMEM;
                w->levels = l;
                w->n_allocated = n;
        }
        l = w->levels + w->n++;
        *l = (Level) { .device = st.st_dev, .inode = st.st_ino };

        /* For as long as it is read. */
        r = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (r < 0)
                return -errno;
        d = fdopendir(r);
        if (!d) {
                (void) safe_close(r);
                return -ENOMEM;
        }

        r = clear_entries(w, d, l);
        (void) closedir(d);

        (void) safe_close(w->fd);
        w->fd = TAKE_FD(fd);
        return r;
}

/* To the directory above, which is the one that we came from unless somebody moved this one. */
static int leave(Walk *w) {
        const Level *above;
        struct stat st;
        int fd;

        level_done(w->levels + --w->n);
        if (w->n == 0)
                return 0;

        fd = openat(w->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == EACCES && make_accessible(w->fd) >= 0)
                fd = openat(w->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void) safe_close(w->fd);
        w->fd = fd;

        above = w->levels + w->n - 1;
        if (fstat(fd, &st) < 0)
                return -errno;
        return st.st_dev == above->device && st.st_ino == above->inode ? 0 : -ESTALE;
}

static int step(Walk *w) {
        Level *l = w->levels + w->n - 1;
        _cleanup_free_ char *name = NULL;
        int fd;

        if (l->n_left == 0)
                return leave(w);

        name = l->left[--l->n_left];
        fd = open_directory(w->fd, name);
        if (fd < 0) {
                w->error = fd;
                return 0;
        }

        return enter(w, fd);
}

int special_files_remove(int dir_fd, const char *name) {
        _cleanup_(walk_done) Walk w = { .fd = -EBADF };
        int r;

        r = open_directory(dir_fd, name);
        if (r >= 0)
                r = enter(&w, r);
        while (r >= 0 && w.n > 0)
                r = step(&w);

        return r < 0 ? r : w.error;
}
