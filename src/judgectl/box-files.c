/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base64.h"
#include "box-files.h"
#include "error.h"
#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "text-util.h"

#define PROGRESS_BYTES (UINT64_C(8) << 20)

static int make_request(const BoxFiles *b, const char *path, Request *q) {
        int r;

        r = request_init_box(q, b->box, b->owner);
        if (r >= 0 && path)
                r = json_add_path(q->parameters, path);

        return r < 0 ? log_oom() : 0;
}

/* Names that are no UTF-8 come in some order, too. */
static const char *sort_key(json_object *entry) {
        return json_get_string(entry, "name") ?: strempty(json_get_string(entry, "nameBase64"));
}

static int compare_entries(const void *a, const void *b) {
        json_object *const *x = a, *const *y = b;

        return text_compare_natural(sort_key(*x), sort_key(*y));
}

int box_list_files(const BoxFiles *b, const char *path, json_object **ret) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        _cleanup_json_ json_object *all = NULL;
        int r;

        assert(b);
        assert(ret);

        all = json_object_new_array();
        if (!all)
                return log_oom();

        r = make_request(b, path, &q);
        if (r < 0)
                return r;

        /* With more: a large directory may come in several replies. */
        r = connection_query(b->connection, "org.judgebox.Manager.ListFiles", &q, VARLINK_CALL_MORE, NULL, 0,
                             &reply);
        for (;;) {
                json_object *entries;

                if (r < 0)
                        return r;
                if (reply.error)
                        return connection_log_error(&reply);

                entries = json_get_array(reply.parameters, "entries");
                for (size_t i = 0; entries && i < json_object_array_length(entries); i++)
                        if (json_append(all, json_object_get(json_object_array_get_idx(entries, i))) < 0)
                                return log_oom();

                if (!reply.continues)
                        break;

                varlink_reply_done(&reply);
                reply = VARLINK_REPLY_NULL;
                r = connection_next(b->connection, NULL, 0, &reply);
        }

        json_object_array_sort(all, compare_entries);
        *ret = TAKE_PTR(all);
        return 0;
}

static int ask_for_file(const BoxFiles *b, const char *path, bool create, bool executable) {
        _cleanup_(request_done) Request q = REQUEST_NULL;
        int r;

        assert(b);
        assert(path);

        r = make_request(b, path, &q);
        if (r < 0)
                return r;

        if ((create && json_add_boolean(q.parameters, "create", true) < 0) ||
            (executable && json_add_boolean(q.parameters, "executable", true) < 0))
                return log_oom();

        return connection_begin(b->connection, "org.judgebox.Manager.OpenFile", &q, /* flags= */ 0);
}

int box_ask_for_file(const BoxFiles *b, const char *path) {
        return ask_for_file(b, path, /* create= */ false, /* executable= */ false);
}

int box_ask_for_new_file(const BoxFiles *b, const char *path, bool executable) {
        return ask_for_file(b, path, /* create= */ true, executable);
}

int box_receive_file(const BoxFiles *b, int *ret_fd) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        uint64_t index = UINT64_MAX;
        int fd, r;

        assert(b);
        assert(ret_fd);

        r = connection_next(b->connection, NULL, 0, &reply);
        if (r < 0)
                return r;
        if (reply.error) {
                const char *name = error_short_name(reply.error);

                if (name && streq(name, "FileError") &&
                    streq(strempty(json_get_string(reply.parameters, "error")), "EISDIR"))
                        return -EISDIR;
                return connection_log_error(&reply);
        }

        (void) json_get_uint64(reply.parameters, "fileDescriptor", &index);
        fd = varlink_reply_take_fd(&reply, (int64_t) index);
        if (fd < 0)
                return log_error_errno(EBADMSG, "The reply of judgeboxd has no descriptor.");

        *ret_fd = fd;
        return 0;
}

int box_open_file(const BoxFiles *b, const char *path, bool create, bool executable, int *ret_fd) {
        int r;

        r = ask_for_file(b, path, create, executable);
        return r < 0 ? r : box_receive_file(b, ret_fd);
}

int box_make_directory(const BoxFiles *b, const char *path) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        int r;

        assert(b);

        r = make_request(b, path, &q);
        if (r < 0)
                return r;

        return connection_call(b->connection, "org.judgebox.Manager.MakeDirectory", &q, &reply);
}

int file_entry_name(json_object *entry, char **ret) {
        const char *name = json_get_string(entry, "name"), *encoded = json_get_string(entry, "nameBase64");
        _cleanup_free_ char *decoded = NULL;
        size_t size;
        int r;

        assert(ret);

        if (!name) {
                if (!encoded)
                        return -EBADMSG;

                r = base64_decode(encoded, &decoded, &size);
                if (r < 0)
                        return r;
                if (strlen(decoded) != size)
                        return -EBADMSG;
                name = decoded;
        }

        /* A name must not lead anywhere but into the directory that was listed. */
        if (isempty(name) || streq(name, ".") || streq(name, "..") || strchr(name, '/'))
                return -EBADMSG;

        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}

int copy_progress_show(uint64_t done, uint64_t total, void *userdata) {
        CopyProgress *p = ASSERT_PTR(userdata);

        if (connection_interrupted(p->files->connection))
                return -EINTR;

        if (total < PROGRESS_BYTES || !isatty(STDERR_FILENO))
                return 0;

        (void) fprintf(stderr, "%s %3u%% of %s\x1b[K\r", p->name, (unsigned) ((__uint128_t) done * 100 / total),
                       FORMAT_BYTES(total));
        p->shown = true;
        return 0;
}

void copy_progress_done(CopyProgress *p) {
        assert(p);

        if (p->shown)
                (void) fputs("\x1b[K", stderr);
        p->shown = false;
}

int box_path_join(const char *directory, const char *name, char **ret) {
        _cleanup_free_ char *path = NULL;

        path = isempty(directory) ? strdup(name)
                                  : strprintf("%s%s%s", directory, endswith(directory, "/") ? "" : "/", name);
        if (!path)
                return log_oom();

        if (!box_path_is_valid(path)) {
                log_error("\"%s\" is not a path that a box can have.", path);
                return -EINVAL;
        }

        *ret = TAKE_PTR(path);
        return 0;
}

size_t split_destination(char *const *names, size_t n, const char **ret_directory) {
        if (n >= 2 && endswith(names[n - 1], "/")) {
                *ret_directory = names[n - 1];
                return n - 1;
        }

        *ret_directory = NULL;
        return n;
}

int box_files_parse_arguments(Context *c, int argc, char *argv[], const char *help, bool *ret_recursive) {
        static const struct option options[] = {
                COMMON_OPTIONS,
                OWNER_OPTION,
                { "recursive", no_argument, NULL, 'r' },
                {},
        };
        bool recursive = false;
        int option, r;

        optind = 0;
        while ((option = getopt_long(argc, argv, "hr", options, NULL)) >= 0) {
                if (option == 'h') {
                        help_print(help);
                        return 0;
                }

                if (option == 'r') {
                        recursive = true;
                        continue;
                }

                r = context_parse_option(c, option, optarg);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
        }

        r = context_check_arguments(c, argc - optind, 2, -1);
        if (r < 0)
                return r;

        r = context_check(c);
        if (r < 0)
                return r;

        r = context_check_box_id(argv[optind]);
        if (r < 0)
                return r;

        *ret_recursive = recursive;
        return 1;
}
