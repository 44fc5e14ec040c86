/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "box-files.h"
#include "copy.h"
#include "host-file.h"
#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "text-util.h"
#include "verbs.h"

#define DEPTH_MAX 128U

static const char get_help[] =
        "get [OPTIONS...] ID FILE... [DIR/]\n\n"
        "Get files out of a box.\n\n"
        "A last argument that ends in a slash is the directory of mine where they go,\n"
        "instead of the working directory. Links are neither followed nor made.\n\n"
        "  -r --recursive              Get directories with all below them\n"
        "     --owner=USER             Whose box is meant (for admins)\n";

static int get_file(const BoxFiles *b, int source, int dir_fd, const char *name) {
        _cleanup_free_ char *printable = NULL;
        _cleanup_(copy_progress_done) CopyProgress progress = { .files = b };
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        progress.name = printable = text_escape(name, strlen(name), /* keep_lines= */ false);
        if (!printable)
                return log_oom();

        if (fstat(source, &st) < 0 || !S_ISREG(st.st_mode))
                return log_error_errno(EBADMSG, "What the service sent for \"%s\" is not a regular file.", printable);

        r = host_file_create(dir_fd, name, st.st_mode & 0111, &fd);
        if (r < 0)
                return log_error_errno(r, "Failed to create \"%s\": %m", printable);

        r = copy_file(source, fd, copy_progress_show, &progress);
        if (r == -EINTR)
                return r;
        copy_progress_done(&progress);
        return r < 0 ? log_error_errno(r, "Failed to write \"%s\": %m", printable) : 0;
}

typedef struct Entry {
        char *name; /* here */
        char *path; /* in the box */
} Entry;

typedef struct EntryList {
        Entry *entries;
        size_t n;
} EntryList;

static void entry_list_done(EntryList *l) {
        for (size_t i = 0; i < l->n; i++) {
                free(l->entries[i].name);
                free(l->entries[i].path);
        }
        free(l->entries);
}

static int entry_list_init(EntryList *l, size_t max) {
        l->entries = new(Entry, MAX(max, (size_t) 1));
        return l->entries ? 0 : log_oom();
}

/* To the list that it belongs to. */
static int add_entry(EntryList *files, EntryList *directories, const char *path, json_object *entry) {
        const char *type = strempty(json_get_string(entry, "type"));
        _cleanup_free_ char *name = NULL, *child = NULL;
        bool directory = streq(type, "directory");
        EntryList *l = directory ? directories : files;
        int r;

        r = file_entry_name(entry, &name);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0)
                return log_error_errno(r, "A file below \"%s\" has no usable name; not getting it.", path);

        if (!directory && !streq(type, "regular")) {
                _cleanup_free_ char *printable = text_escape(name, strlen(name), /* keep_lines= */ false);

                log_notice("Skipping \"%s\", which is neither a file nor a directory.", strna(printable));
                return 0;
        }

        r = box_path_join(path, name, &child);
        if (r < 0)
                return r;

        l->entries[l->n++] = (Entry) { .name = TAKE_PTR(name), .path = TAKE_PTR(child) };
        return 0;
}

static bool is_end(int r) {
        return IN_SET(r, -EINTR, -ECONNRESET, -EPIPE);
}

/* Asked for ahead of time, or the way to the box and back would be most of what small files take. */
static int get_files(const BoxFiles *b, const EntryList *l, int dir_fd) {
        size_t n = l->n, asked = 0;
        int r, failed = 0;

        for (size_t i = 0; i < n; i++) {
                _cleanup_close_ int fd = -EBADF;

                for (; asked < n && asked < i + BOX_FILES_ASKED_MAX; asked++) {
                        r = box_ask_for_file(b, l->entries[asked].path);
                        if (is_end(r))
                                return r;
                        if (r < 0) {
                                /* Those before it come nevertheless. */
                                failed = r;
                                n = asked;
                        }
                }
                if (i >= n)
                        break;

                r = box_receive_file(b, &fd);
                if (r == -EISDIR)
                        (void) log_error_errno(r, "\"%s\" became a directory.", l->entries[i].path);
                if (r >= 0)
                        r = get_file(b, fd, dir_fd, l->entries[i].name);
                if (is_end(r))
                        return r;
                if (r < 0 && failed == 0)
                        failed = r;
        }

        return failed;
}

/* What cannot be had does not keep the rest; the first error is returned in the end. */
static int get_directory(const BoxFiles *b, const char *path, int dir_fd, const char *name, unsigned depth) {
        _cleanup_(entry_list_done) EntryList files = {}, directories = {};
        _cleanup_json_ json_object *entries = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t n;
        int r, failed = 0;

        if (depth >= DEPTH_MAX)
                return log_error_errno(ELOOP, "Not getting \"%s\": directories are nested too deeply.", path);

        r = box_list_files(b, path, &entries);
        if (r < 0)
                return r;

        r = host_directory_create(dir_fd, name, &fd);
        if (r < 0)
                return log_error_errno(r, "Failed to make a directory for \"%s\": %m", path);

        n = json_object_array_length(entries);
        r = entry_list_init(&files, n);
        if (r >= 0)
                r = entry_list_init(&directories, n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                r = add_entry(&files, &directories, path, json_object_array_get_idx(entries, i));
                if (r < 0 && failed == 0)
                        failed = r;
        }

        r = get_files(b, &files, fd);
        if (is_end(r))
                return r;
        if (r < 0 && failed == 0)
                failed = r;

        for (size_t i = 0; i < directories.n; i++) {
                r = get_directory(b, directories.entries[i].path, fd, directories.entries[i].name, depth + 1);
                if (is_end(r))
                        return r;
                if (r < 0 && failed == 0)
                        failed = r;
        }

        return failed;
}

static int get(const BoxFiles *b, const char *path, int dir_fd, bool recursive) {
        _cleanup_free_ char *copy = NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *name;
        int r;

        /* As a shell would complete it, a directory's name ends in a slash. */
        copy = strdup(path);
        if (!copy)
                return log_oom();
        for (size_t k = strlen(copy); k > 1 && copy[k - 1] == '/'; k--)
                copy[k - 1] = '\0';

        if (!box_path_is_valid(copy))
                return log_error_errno(EINVAL, "\"%s\" is not a path that a box can have.", path);

        r = box_open_file(b, copy, /* create= */ false, /* executable= */ false, &fd);
        if (r == -EISDIR && !recursive)
                return log_error_errno(r, "\"%s\" is a directory; use -r to get it with all below it.", path);

        name = path_last_component(copy);
        if (r == -EISDIR)
                return get_directory(b, copy, dir_fd, isempty(name) ? "." : name, /* depth= */ 0);
        if (r < 0)
                return r;

        return get_file(b, fd, dir_fd, name);
}

static int get_all(const BoxFiles *b, char *const *names, size_t n, bool recursive) {
        _cleanup_close_ int dir_fd = -EBADF;
        const char *directory;
        int r, failed = 0;

        n = split_destination(names, n, &directory);

        dir_fd = open(directory ?: ".", O_DIRECTORY | O_PATH | O_CLOEXEC);
        if (dir_fd < 0)
                return log_error_errno(errno, "Failed to open the directory \"%s\": %m", directory ?: ".");

        for (size_t i = 0; i < n; i++) {
                r = get(b, names[i], dir_fd, recursive);
                if (is_end(r))
                        return r;
                if (r < 0)
                        failed = r;
        }

        return failed;
}

int verb_get(Context *c, int argc, char *argv[]) {
        _cleanup_(connection_closep) Connection *connection = NULL;
        bool recursive = false;
        int r;

        r = box_files_parse_arguments(c, argc, argv, get_help, &recursive);
        if (r <= 0)
                return r;

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        return get_all(&(BoxFiles) {
                               .connection = connection,
                               .box = argv[optind],
                               .owner = c->owner_set ? &c->owner : NULL,
                       },
                       argv + optind + 1, (size_t) (argc - optind - 1), recursive);
}
