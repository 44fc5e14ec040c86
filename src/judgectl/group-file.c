/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libgen.h>

#include "base64.h"
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
        const char *array; /* where it is at: members or pipes */
        size_t index;
        size_t member; /* that what comes out is of */
} Reader;

void group_file_done(GroupFile *g) {
        assert(g);

        for (size_t i = 0; i < g->n_outputs; i++)
                free(g->outputs[i].path);
        free(g->outputs);
        (void) safe_close(g->dir_fd);
        *g = GROUP_FILE_NULL;
}

static int wrong(const Reader *r, const char *field, const char *what) {
        _cleanup_free_ char *printable = text_escape(field, strlen(field), /* keep_lines= */ false);

        log_error("%s: %s[%zu].%s %s.", r->path, r->array, r->index, strna(printable), what);
        return -EINVAL;
}

static int set_fd(const Reader *r, json_object *o, const char *key, int fd) {
        int q;

        q = request_set_fd(r->request, o, key, fd);
        if (q == -E2BIG)
                return log_error_errno(q, "%s: a request can carry at most %u files.", r->path, VARLINK_FDS_MAX);
        return q < 0 ? log_oom() : 0;
}

/* Takes out the name that is there under `key`, or by its bytes under the same with Base64: 1; 0 where there is none. */
static int take_name(const Reader *r, json_object *o, const char *field, const char *key, char **ret) {
        _cleanup_free_ char *encoded_key = strprintf("%sBase64", key), *name = NULL;
        const char *plain = json_get_string(o, key), *encoded;
        size_t size;
        int q;

        if (!encoded_key)
                return log_oom();

        encoded = json_get_string(o, encoded_key);
        if (!plain && !encoded)
                return 0;
        if (plain && encoded)
                return wrong(r, field, "has a name twice, once by its bytes");

        if (plain) {
                name = strdup(plain);
                if (!name)
                        return log_oom();
        } else {
                q = base64_decode(encoded, &name, &size);
                if (q == -ENOMEM)
                        return log_oom();
                if (q < 0 || strlen(name) != size || size == 0)
                        return wrong(r, field, "has a name that is not the base64 of one");
        }

        json_object_object_del(o, plain ? key : encoded_key);
        *ret = TAKE_PTR(name);
        return 1;
}

static int open_file(const Reader *r, json_object *o, const char *field, const char *name, const char *to, int flags) {
        int fd;

        fd = openat(r->group->dir_fd, name, flags | O_CLOEXEC | O_NOCTTY, 0666);
        if (fd < 0) {
                int error = errno;
                _cleanup_free_ char *printable = text_escape(name, strlen(name), /* keep_lines= */ false);

                return log_error_errno(error, "%s: members[%zu].%s: failed to open \"%s\": %m", r->path, r->member,
                                       field, strna(printable));
        }

        return set_fd(r, o, to, fd);
}

/* In place of the file's name in `from` there is its descriptor in `to`. Where there is no name the service is told
 * what is there, and complains. */
static int replace_file(const Reader *r, json_object *o, const char *field, const char *from, const char *to, int flags) {
        _cleanup_free_ char *name = NULL;
        int q;

        q = take_name(r, o, field, from, &name);
        return q <= 0 ? q : open_file(r, o, field, name, to, flags);
}

/* {"file": NAME}, where "-" is the stream that we have ourselves. */
static int replace_stream(const Reader *r, json_object *member, const char *field, int own_fd) {
        json_object *o = json_get_object(member, field);
        _cleanup_free_ char *name = NULL;
        bool input = own_fd == STDIN_FILENO;
        int fd, q;

        q = take_name(r, o, field, "file", &name);
        if (q <= 0)
                return q;
        if (!streq(name, "-"))
                return open_file(r, o, field, name, "fileDescriptor", input ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC);

        if (!stream_can_pass(own_fd, input))
                return wrong(r, field, "cannot be judgectl's own, which is no file, pipe or /dev/null");

        fd = fcntl(own_fd, F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? log_error_errno(errno, "Failed to duplicate a descriptor: %m")
                      : set_fd(r, o, "fileDescriptor", fd);
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

/* Takes path over. */
static int add_output(const Reader *r, const char *field, size_t index, char *path) {
        GroupFile *g = r->group;
        GroupOutput *grown;

        grown = reallocarray(g->outputs, g->n_outputs + 1, sizeof(*grown));
        if (!grown) {
                free(path);
                return log_oom();
        }
        g->outputs = grown;

        grown[g->n_outputs++] = (GroupOutput) { .member = r->member, .field = field, .index = index, .path = path };
        return 0;
}

/* Those whose names in the box stand under `key`: they become the member's `to`, and what comes for them is counted on. */
static int collect_out_files(
                const Reader *r,
                json_object *member,
                json_object *array,
                const char *key,
                const char *to,
                size_t *n) {

        json_object *names = json_object_new_array();

        if (!names || json_add(member, to, names) < 0)
                return log_oom();

        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *o = json_object_array_get_idx(array, i);
                const char *path = json_get_string(o, key);
                _cleanup_free_ char *file = NULL;
                int q;

                if (!path)
                        continue;

                q = take_name(r, o, "outFiles", "file", &file);
                if (q < 0)
                        return q;
                if (q == 0)
                        return wrong(r, "outFiles", "wants {\"path\", \"file\"} for each");

                if (json_append_string(names, path) < 0)
                        return log_oom();
                q = add_output(r, NULL, (*n)++, TAKE_PTR(file));
                if (q < 0)
                        return q;
        }

        return 0;
}

/* [{"path": NAME-IN-THE-BOX, "file": NAME-HERE}] */
static int replace_out_files(const Reader *r, json_object *member) {
        _cleanup_json_ json_object *array = json_object_get(json_get_array(member, "outFiles"));
        size_t n = 0;
        int q;

        if (!array)
                return 0;

        /* They come back in this order. */
        json_object_object_del(member, "outFiles");
        q = collect_out_files(r, member, array, "path", "outFiles", &n);
        if (q >= 0)
                q = collect_out_files(r, member, array, "pathBase64", "outFilesBase64", &n);
        if (q < 0)
                return q;

        return n == json_object_array_length(array) ? 0 : wrong(r, "outFiles", "wants {\"path\", \"file\"} for each");
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
        const char *from = json_get_string(pipe, "from");
        _cleanup_free_ char *file = NULL;
        uint64_t number = STDOUT_FILENO;
        int q;

        if (!from)
                return 0;

        (void) json_get_uint64(pipe, "fromDescriptor", &number);
        r->member = find_member(members, from);
        q = take_name(r, pipe, "record", "record", &file);
        if (q <= 0)
                return q;

        q = add_output(r, number == STDERR_FILENO ? "stderrFileDescriptor" : "stdoutFileDescriptor", 0, TAKE_PTR(file));
        if (q < 0)
                return q;

        return json_add_boolean(pipe, "record", true) < 0 ? log_oom() : 0;
}

static int replace_all(Reader *r, json_object *o) {
        json_object *members = json_get_array(o, "members"), *pipes = json_get_array(o, "pipes");
        int q;

        if (!members) {
                log_error("%s: field \"members\" is missing, or no array.", r->path);
                return -EINVAL;
        }

        r->array = "members";
        for (size_t i = 0; i < json_object_array_length(members); i++) {
                r->index = r->member = i;
                q = replace_member(r, json_object_array_get_idx(members, i));
                if (q < 0)
                        return q;
        }

        r->array = "pipes";
        for (size_t i = 0; pipes && i < json_object_array_length(pipes); i++) {
                r->index = i;
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
                log_error("\"%s\" is not a JSON object.", path);
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
                _cleanup_free_ char *printable = text_escape(output->path, strlen(output->path), /* keep_lines= */ false);
                _cleanup_close_ int fd = -EBADF, file = -EBADF;
                uint64_t index;
                int r;

                if (!find_index(output, results, &index)) {
                        log_warning("There is nothing for \"%s\".", strna(printable));
                        continue;
                }

                fd = varlink_reply_take_fd(reply, (int64_t) index);
                if (fd < 0) {
                        failed = log_error_errno(EBADMSG, "judgeboxd did not send what \"%s\" is to have.",
                                                 strna(printable));
                        continue;
                }

                file = openat(g->dir_fd, output->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
                r = file < 0 ? -errno : copy_file(fd, file, NULL, NULL);
                if (r < 0)
                        failed = log_error_errno(r, "Failed to write \"%s\": %m", strna(printable));
        }

        return failed;
}
