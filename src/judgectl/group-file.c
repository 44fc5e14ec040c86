/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libgen.h>

#include "copy.h"
#include "group-file.h"
#include "json-parse.h"
#include "log.h"
#include "recipe.h"
#include "stream.h"
#include "string-util.h"
#include "text-util.h"

#define FILE_SIZE_MAX ((size_t) 1 << 20)

/* One file being read. */
typedef struct Reader {
        const char *path;
        Request *request;
        GroupFile *group;
        size_t member;
} Reader;

void group_file_done(GroupFile *g) {
        assert(g);

        for (size_t i = 0; i < g->n_outputs; i++) {
                free(g->outputs[i].field);
                free(g->outputs[i].path);
        }
        free(g->outputs);
        (void) safe_close(g->dir_fd);
        *g = GROUP_FILE_NULL;
}

static int wrong(const Reader *r, const char *field, const char *what) {
        _cleanup_free_ char *printable = text_escape(field, strlen(field), /* keep_lines= */ false);

        log_error("%s: members[%zu].%s %s.", r->path, r->member, strna(printable), what);
        return -EINVAL;
}

static int set_fd(const Reader *r, json_object *o, const char *key, int fd) {
        int q;

        q = request_set_fd(r->request, o, key, fd);
        if (q == -E2BIG)
                return log_error_errno(q, "%s: a request can carry at most %u files.", r->path, VARLINK_FDS_MAX);
        return q < 0 ? log_oom() : 0;
}

/* In place of the file's name in `from` there is its descriptor in `to`. Where there is no name the service is told what is
 * there, and complains. */
static int replace_file(const Reader *r, json_object *o, const char *field, const char *from, const char *to, int flags) {
        const char *name = json_get_string(o, from);
        int fd;

        if (!name)
                return 0;

        fd = openat(r->group->dir_fd, name, flags | O_CLOEXEC | O_NOCTTY, 0666);
        if (fd < 0)
                return log_error_errno(errno, "%s: members[%zu].%s: failed to open \"%s\": %m", r->path, r->member,
                                       field, name);

        json_object_object_del(o, from);
        return set_fd(r, o, to, fd);
}

/* {"file": NAME}, where "-" is the stream that we have ourselves. */
static int replace_stream(const Reader *r, json_object *member, const char *field, int own_fd) {
        json_object *o = json_get_object(member, field);
        const char *name = json_get_string(o, "file");
        bool input = own_fd == STDIN_FILENO;
        int fd;

        if (!name || !streq(name, "-"))
                return replace_file(r, o, field, "file", "fileDescriptor", input ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC);

        if (!stream_can_pass(own_fd, input))
                return wrong(r, field, "cannot be judgectl's own, which is no file, pipe or /dev/null");

        fd = fcntl(own_fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return log_error_errno(errno, "Failed to duplicate a descriptor: %m");

        json_object_object_del(o, "file");
        return set_fd(r, o, "fileDescriptor", fd);
}

static int replace_each(
                const Reader *r,
                json_object *o,
                const char *field,
                const char *from,
                const char *to,
                int flags) {

        json_object *array = json_get_array(o, field);
        int q;

        for (size_t i = 0; array && i < json_object_array_length(array); i++) {
                q = replace_file(r, json_object_array_get_idx(array, i), field, from, to, flags);
                if (q < 0)
                        return q;
        }

        return 0;
}

static int add_output(const Reader *r, const char *field, size_t index, const char *path) {
        GroupFile *g = r->group;
        GroupOutput *grown;

        grown = reallocarray(g->outputs, g->n_outputs + 1, sizeof(*grown));
        if (!grown)
                return log_oom();
        g->outputs = grown;

        grown[g->n_outputs] = (GroupOutput) {
                .member = r->member,
                .field = field ? strdup(field) : NULL,
                .index = index,
                .path = strdup(path),
        };
        g->n_outputs++;
        return grown[g->n_outputs - 1].path && (!field || grown[g->n_outputs - 1].field) ? 0 : log_oom();
}

/* [{"path": NAME-IN-THE-BOX, "file": NAME-HERE}] */
static int replace_out_files(const Reader *r, json_object *member) {
        json_object *array = json_get_array(member, "outFiles"), *names;
        int q;

        if (!array)
                return 0;

        names = json_object_new_array();
        if (!names)
                return log_oom();

        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *o = json_object_array_get_idx(array, i);
                const char *path = json_get_string(o, "path"), *file = json_get_string(o, "file");

                q = path && file ? json_append_string(names, path) : -EINVAL;
                if (q >= 0)
                        q = add_output(r, NULL, i, file);
                if (q < 0) {
                        (void) json_object_put(names);
                        return q == -EINVAL ? wrong(r, "outFiles", "wants {\"path\", \"file\"} for each") : q;
                }
        }

        json_object_object_del(member, "outFiles");
        return json_add(member, "outFiles", names) < 0 ? log_oom() : 0;
}

static int replace_limits(const Reader *r, json_object *member) {
        _cleanup_free_ char *error = NULL, *printable = NULL;
        _cleanup_json_ json_object *limits = NULL;
        json_object *given = json_get_object(member, "limits");
        int q;

        if (!given)
                return 0;

        q = recipe_parse_limits("limits", given, &limits, &error);
        if (q == -EINVAL) {
                printable = text_escape(strna(error), strlen(strna(error)), /* keep_lines= */ false);
                log_error("%s: members[%zu]: %s.", r->path, r->member, strna(printable));
                return q;
        }
        if (q < 0)
                return log_oom();

        json_object_object_del(member, "limits");
        return json_add(member, "limits", TAKE_PTR(limits)) < 0 ? log_oom() : 0;
}

static int replace_member(Reader *r, json_object *member) {
        static const char *const outputs[] = { "stdout", "stderr" };
        int q;

        if (!json_object_is_type(member, json_type_object))
                return wrong(r, "", "must be an object");

        q = replace_stream(r, member, "stdin", STDIN_FILENO);
        for (size_t i = 0; i < ELEMENTSOF(outputs) && q >= 0; i++) {
                if (json_get_boolean(json_get_object(member, outputs[i]), "capture"))
                        return wrong(r, outputs[i], "cannot be captured here: {\"file\": NAME} has it in a file");
                q = replace_stream(r, member, outputs[i], STDOUT_FILENO + (int) i);
        }
        if (q >= 0)
                q = replace_file(r, member, "executableFile", "executableFile", "executableFileDescriptor", O_RDONLY);
        if (q >= 0)
                q = replace_each(r, member, "inFiles", "file", "fileDescriptor", O_RDONLY | O_NONBLOCK);
        if (q >= 0)
                q = replace_each(r, member, "extraFileDescriptors", "file", "fileDescriptor", O_RDONLY);
        if (q >= 0)
                q = replace_each(r, json_get_object(member, "settings"), "binds", "source", "sourceFileDescriptor",
                                 O_PATH);
        if (q >= 0)
                q = replace_out_files(r, member);
        return q < 0 ? q : replace_limits(r, member);
}

static size_t find_member(json_object *members, const char *name) {
        size_t n = json_object_array_length(members), i;

        for (i = 0; i < n; i++) {
                const char *s = json_get_string(json_object_array_get_idx(members, i), "name");

                if (s && streq(s, name))
                        break;
        }

        return i;
}

/* "record": NAME */
static int replace_record(Reader *r, json_object *members, json_object *pipe) {
        const char *file = json_get_string(pipe, "record"), *from = json_get_string(pipe, "from");
        uint64_t number = STDOUT_FILENO;
        int q;

        if (!file || !from)
                return 0;

        (void) json_get_uint64(pipe, "fromDescriptor", &number);
        r->member = find_member(members, from);
        q = add_output(r, number == STDERR_FILENO ? "stderrFileDescriptor" : "stdoutFileDescriptor", 0, file);
        if (q < 0)
                return q;

        json_object_object_del(pipe, "record");
        return json_add_boolean(pipe, "record", true) < 0 ? log_oom() : 0;
}

static int replace_all(Reader *r, json_object *o) {
        json_object *members = json_get_array(o, "members"), *pipes = json_get_array(o, "pipes");
        int q;

        if (!members) {
                log_error("%s: field \"members\" is missing, or no array.", r->path);
                return -EINVAL;
        }

        for (r->member = 0; r->member < json_object_array_length(members); r->member++) {
                q = replace_member(r, json_object_array_get_idx(members, r->member));
                if (q < 0)
                        return q;
        }

        for (size_t i = 0; pipes && i < json_object_array_length(pipes); i++) {
                q = replace_record(r, members, json_object_array_get_idx(pipes, i));
                if (q < 0)
                        return q;
        }

        return 0;
}

static int open_directory_of(const char *path, int *ret) {
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;

        *ret = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
        return *ret < 0 ? -errno : 0;
}

int group_file_load(const char *path, Request *q, GroupFile *ret) {
        static const JsonBounds bounds = { .depth = 16, .n_values = JSON_CHECK_VALUES_MAX };
        _cleanup_(group_file_done) GroupFile g = GROUP_FILE_NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        assert(path);
        assert(q);
        assert(ret);

        r = read_full_file_at(AT_FDCWD, path, FILE_SIZE_MAX, &text, &size);
        if (r >= 0)
                r = open_directory_of(path, &g.dir_fd);
        if (r < 0)
                return log_error_errno(r, "Failed to read \"%s\": %m", path);

        *q = REQUEST_NULL;
        r = json_parse_checked(text, size, &bounds, NULL, &q->parameters);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0 || !json_object_is_type(q->parameters, json_type_object)) {
                log_error("\"%s\" is no JSON object.", path);
                return -EINVAL;
        }

        r = replace_all(&(Reader) { .path = path, .request = q, .group = &g }, q->parameters);
        if (r < 0)
                return r;

        *ret = TAKE_GENERIC(g, GroupFile, GROUP_FILE_NULL);
        return 0;
}

/* The index of what came for it; false where nothing did. */
static bool find_index(const GroupOutput *output, json_object *results, uint64_t *ret) {
        json_object *o = json_object_array_get_idx(results, output->member), *l;

        if (output->field)
                return json_get_uint64(o, output->field, ret);

        l = json_get_array(o, "outFileDescriptors");
        return l && json_get_uint64(json_object_array_get_idx(l, output->index), "fileDescriptor", ret);
}

int group_file_fetch(const GroupFile *g, VarlinkReply *reply) {
        json_object *results;
        int failed = 0;

        assert(g);
        assert(reply);

        results = json_get_array(reply->parameters, "results");
        if (!results)
                return -EBADMSG;

        for (size_t i = 0; i < g->n_outputs; i++) {
                const GroupOutput *output = g->outputs + i;
                _cleanup_close_ int fd = -EBADF, file = -EBADF;
                uint64_t index;
                int r;

                if (!find_index(output, results, &index)) {
                        log_warning("There is nothing for \"%s\".", output->path);
                        continue;
                }

                fd = varlink_reply_take_fd(reply, (int64_t) index);
                if (fd < 0) {
                        failed = log_error_errno(EBADMSG, "judgeboxd did not send what \"%s\" is to have.", output->path);
                        continue;
                }

                file = openat(g->dir_fd, output->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
                r = file < 0 ? -errno : copy_file(fd, file, NULL, NULL);
                if (r < 0)
                        failed = log_error_errno(r, "Failed to write \"%s\": %m", output->path);
        }

        return failed;
}
