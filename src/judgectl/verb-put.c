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

/* One that was asked for in the box. */
typedef struct Asked {
        int source;
        char *path;
} Asked;

/* Asked for ahead of time, or the way to the box and back would be most of what small files take. */
typedef struct Put {
        const BoxFiles *files;
        Asked asked[BOX_FILES_ASKED_MAX];
        size_t first, n;
        int failed; /* the first error */
} Put;

static void asked_done(Asked *a) {
        a->source = safe_close(a->source);
        a->path = mfree(a->path);
}

static void put_done(Put *p) {
        for (; p->n > 0; p->n--, p->first++)
                asked_done(p->asked + p->first % ELEMENTSOF(p->asked));
}

static bool is_end(int r) {
        return IN_SET(r, -EINTR, -ECONNRESET, -EPIPE);
}

/* What cannot be put does not keep the rest, as long as there is somebody to put it to. */
static int put_failed(Put *p, int r) {
        if (is_end(r))
                return r;
        if (p->failed == 0)
                p->failed = r;
        return 0;
}

static int write_file(const BoxFiles *b, const Asked *a) {
        _cleanup_free_ char *printable = NULL;
        _cleanup_(copy_progress_done) CopyProgress progress = { .files = b };
        _cleanup_close_ int fd = -EBADF;
        int r;

        progress.name = printable = text_escape(a->path, strlen(a->path), /* keep_lines= */ false);
        if (!printable)
                return log_oom();

        r = box_receive_file(b, &fd);
        if (r == -EISDIR)
                return log_error_errno(r, "\"%s\" is a directory in the box.", printable);
        if (r < 0)
                return r;

        r = copy_file(a->source, fd, copy_progress_show, &progress);
        if (r == -EINTR)
                return r;
        copy_progress_done(&progress);
        return r < 0 ? log_error_errno(r, "Failed to write \"%s\" in the box: %m", printable) : 0;
}

/* Until no more than so many are left. */
static int put_flush(Put *p, size_t left) {
        while (p->n > left) {
                Asked *a = p->asked + p->first % ELEMENTSOF(p->asked);
                int r;

                r = write_file(p->files, a);
                asked_done(a);
                p->first++;
                p->n--;

                r = r < 0 ? put_failed(p, r) : 0;
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Takes the source over. */
static int put_file(Put *p, int source_fd, bool executable, const char *path) {
        _cleanup_close_ int source = source_fd;
        char *copy;
        int r;

        r = put_flush(p, ELEMENTSOF(p->asked) - 1);
        if (r < 0)
                return r;

        copy = strdup(path);
        if (!copy)
                return log_oom();

        r = box_ask_for_new_file(p->files, path, executable);
        if (r < 0) {
                free(copy);
                return r;
        }

        p->asked[(p->first + p->n++) % ELEMENTSOF(p->asked)] = (Asked) { .source = TAKE_FD(source), .path = copy };
        return 0;
}

static int put(Put *p, int dir_fd, const char *name, const char *path, bool recursive, unsigned depth);

static int put_directory(Put *p, int fd, const char *path, unsigned depth) {
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *de;
        int r;

        if (depth >= DEPTH_MAX) {
                (void) safe_close(fd);
                return log_error_errno(ELOOP, "Not putting \"%s\": directories are nested too deeply.", path);
        }

        d = fdopendir(fd);
        if (!d) {
                r = -errno;
                (void) safe_close(fd);
                return log_error_errno(r, "Failed to read the directory for \"%s\": %m", path);
        }

        /* That is answered before anything else is asked. */
        r = put_flush(p, 0);
        if (r >= 0)
                r = box_make_directory(p->files, path);
        if (r < 0)
                return r;

        for (;;) {
                _cleanup_free_ char *child = NULL;

                errno = 0;
                de = readdir(d);
                if (!de) {
                        if (errno != 0)
                                return log_error_errno(errno, "Failed to read the directory for \"%s\": %m", path);
                        return 0;
                }
                if (streq(de->d_name, ".") || streq(de->d_name, ".."))
                        continue;

                r = box_path_join(path, de->d_name, &child);
                if (r >= 0)
                        r = put(p, dirfd(d), de->d_name, child, /* recursive= */ true, depth + 1);
                if (r < 0)
                        r = put_failed(p, r);
                if (r < 0)
                        return r;
        }
}

static int put(Put *p, int dir_fd, const char *name, const char *path, bool recursive, unsigned depth) {
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
                return put_file(p, TAKE_FD(fd), st.st_mode & 0111, path);

        if (S_ISDIR(st.st_mode)) {
                if (recursive)
                        return put_directory(p, TAKE_FD(fd), path, depth);
                return log_error_errno(EISDIR, "\"%s\" is a directory; use -r to put it with all below it.", name);
        }

        if (depth > 0) {
                log_notice("Skipping \"%s\", which is neither a file nor a directory.", path);
                return 0;
        }

        return log_error_errno(EINVAL, "\"%s\" is neither a file nor a directory.", name);
}

static int put_all(const BoxFiles *b, char *const *names, size_t n, bool recursive) {
        _cleanup_(put_done) Put p = { .files = b };
        const char *directory;
        int r;

        n = split_destination(names, n, &directory);
        if (directory) {
                if (!box_path_is_valid(directory)) {
                        log_error("\"%s\" is not a path that a box can have.", directory);
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
                        r = put(&p, AT_FDCWD, name, path, recursive, /* depth= */ 0);
                if (r < 0)
                        r = put_failed(&p, r);
                if (r < 0)
                        return r;
        }

        r = put_flush(&p, 0);
        return r < 0 ? r : p.failed;
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
