/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <sys/stat.h>

#include "box-files.h"
#include "copy.h"
#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "text-util.h"
#include "verbs.h"

#define DEPTH_MAX 128U

static const char put_help[] =
        "put [OPTIONS...] ID FILE... [DIR/]\n\n"
        "Put files into a box.\n\n"
        "A last argument that ends in a slash is the directory in the box where they go.\n\n"
        "  -r --recursive              Put directories with all below them\n"
        "     --owner=USER             Whose box is meant (for admins)\n";

DEFINE_VOID_CLEANUP_FUNC(DIR *, closedir, closedirp);

static int put_file(const BoxFiles *b, int source, bool executable, const char *path) {
        _cleanup_free_ char *printable = NULL;
        _cleanup_(copy_progress_done) CopyProgress progress = { .files = b };
        _cleanup_close_ int fd = -EBADF;
        int r;

        progress.name = printable = text_escape(path, strlen(path), /* keep_lines= */ false);
        if (!printable)
                return log_oom();

        r = box_open_file(b, path, /* create= */ true, executable, &fd);
        if (r == -EISDIR)
                return log_error_errno(r, "\"%s\" is a directory in the box.", printable);
        if (r < 0)
                return r;

        r = copy_file(source, fd, copy_progress_show, &progress);
        if (r == -EINTR)
                return r;
        copy_progress_done(&progress);
        return r < 0 ? log_error_errno(r, "Failed to write \"%s\" in the box: %m", printable) : 0;
}

static int put(const BoxFiles *b, int dir_fd, const char *name, const char *path, bool recursive, unsigned depth);

/* What cannot be put does not keep the rest; the first error is returned in the end. */
static int put_directory(const BoxFiles *b, int fd, const char *path, unsigned depth) {
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *de;
        int r, failed = 0;

        if (depth >= DEPTH_MAX)
                return log_error_errno(ELOOP, "Not putting \"%s\": directories are nested too deeply.", path);

        r = box_make_directory(b, path);
        if (r < 0)
                return r;

        d = fdopendir(fd);
        if (!d) {
                r = -errno;
                (void) safe_close(fd);
                return log_error_errno(r, "Failed to read the directory for \"%s\": %m", path);
        }

        for (;;) {
                _cleanup_free_ char *child = NULL;

                errno = 0;
                de = readdir(d);
                if (!de) {
                        if (errno != 0)
                                return log_error_errno(errno, "Failed to read the directory for \"%s\": %m", path);
                        break;
                }
                if (streq(de->d_name, ".") || streq(de->d_name, ".."))
                        continue;

                r = box_path_join(path, de->d_name, &child);
                if (r >= 0)
                        r = put(b, dirfd(d), de->d_name, child, /* recursive= */ true, depth + 1);
                if (IN_SET(r, -EINTR, -ECONNRESET, -EPIPE))
                        return r;
                if (r < 0 && failed == 0)
                        failed = r;
        }

        return failed;
}

static int put(const BoxFiles *b, int dir_fd, const char *name, const char *path, bool recursive, unsigned depth) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        /* A link that the user names is followed, one found in a directory is not: it might lead in circles.
         * O_NONBLOCK: a FIFO must not make us wait. */
        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (depth > 0 ? O_NOFOLLOW : 0));
        if (fd < 0) {
                if (errno == ELOOP && depth > 0) {
                        log_notice("Skipping the symbolic link \"%s\".", path);
                        return 0;
                }
                return log_error_errno(errno, "Failed to open \"%s\": %m", name);
        }

        if (fstat(fd, &st) < 0)
                return log_error_errno(errno, "Failed to look at \"%s\": %m", name);

        if (S_ISREG(st.st_mode))
                return put_file(b, fd, st.st_mode & 0111, path);

        if (S_ISDIR(st.st_mode)) {
                if (recursive)
                        return put_directory(b, TAKE_FD(fd), path, depth);
                return log_error_errno(EISDIR, "\"%s\" is a directory; use -r to put it with all below it.", name);
        }

        if (depth > 0) {
                log_notice("Skipping \"%s\", which is neither a file nor a directory.", path);
                return 0;
        }

        return log_error_errno(EINVAL, "\"%s\" is neither a file nor a directory.", name);
}

static int put_all(const BoxFiles *b, char *const *names, size_t n, bool recursive) {
        const char *directory;
        int r, failed = 0;

        n = split_destination(names, n, &directory);
        if (directory) {
                if (!box_path_is_valid(directory)) {
                        log_error("\"%s\" is no path that a box can have.", directory);
                        return -EINVAL;
                }

                r = box_make_directory(b, directory);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = NULL, *path = NULL;

                /* As a shell completes it, a directory's name ends in a slash. */
                name = strdup(names[i]);
                if (!name)
                        return log_oom();
                for (size_t k = strlen(name); k > 1 && name[k - 1] == '/'; k--)
                        name[k - 1] = '\0';

                r = box_path_join(directory, path_last_component(name), &path);
                if (r >= 0)
                        r = put(b, AT_FDCWD, name, path, recursive, /* depth= */ 0);
                if (IN_SET(r, -EINTR, -ECONNRESET, -EPIPE))
                        return r;
                if (r < 0)
                        failed = r;
        }

        return failed;
}

int verb_put(Context *c, int argc, char *argv[]) {
        _cleanup_(connection_closep) Connection *connection = NULL;
        bool recursive = false;
        int r;

        r = box_files_parse_arguments(c, argc, argv, put_help, &recursive);
        if (r <= 0)
                return r;

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        return put_all(&(BoxFiles) {
                               .connection = connection,
                               .box = argv[optind],
                               .owner = c->owner_set ? &c->owner : NULL,
                       },
                       argv + optind + 1, (size_t) (argc - optind - 1), recursive);
}
