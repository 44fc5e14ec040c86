/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "allowed-paths.h"
#include "fd-util.h"
#include "request-field.h"

/* A pipe, of which the service has the other end. */
static int open_streamed(bool input, StreamSpec *s, int *ret_fd) {
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        int r;

        if (pipe2(p, O_CLOEXEC) < 0)
                return -errno;

        r = fd_set_nonblock(p[input], true);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(p[input]);
        *s = (StreamSpec) { .type = STREAM_FD, .fd = TAKE_FD(p[!input]) };
        return 0;
}

/* Exactly one of what an Input or Output can be. */
static int parse_stream(
                json_object *o,
                const char *name,
                bool input,
                const RequestFds *fds,
                StreamSpec *s,
                int *streamed_fd,
                Failure *f) {

        json_object *stream = field_get(o, name), *fd;
        char field[FIELD_SIZE];
        bool path, capture, streamed;

        if (!stream)
                return 0;

        fd = field_get(stream, "fileDescriptor");
        path = field_get(stream, "path") || field_get(stream, "pathBase64");
        capture = field_get_boolean(stream, "capture");
        streamed = field_get_boolean(stream, "stream");
        if (!!fd + path + capture + streamed != 1)
                return failure_set_field(f, name,
                                         "%s must have exactly one of fileDescriptor, path, pathBase64, %sstream.",
                                         name, input ? "" : "capture, ");

        if (capture) {
                s->type = STREAM_CAPTURE;
                return 0;
        }

        if (streamed)
                return open_streamed(input, s, streamed_fd);

        if (path) {
                s->type = STREAM_PATH;
                (void) snprintf(field, sizeof(field), "%s.", name);
                return field_get_path(stream, field, &s->path, f);
        }

        s->type = STREAM_FD;
        (void) snprintf(field, sizeof(field), "%s.fileDescriptor", name);
        return field_take_fd(fd, fds, field, &s->fd, f);
}

static int parse_streams(json_object *o, const RequestFds *fds, RunRequest *q, Failure *f) {
        static const char *const names[] = { "stdin", "stdout", "stderr" };
        RunSpec *s = &q->spec;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                r = parse_stream(o, names[i], i == 0, fds, s->streams + i, q->streamed_fds + i, f);
                if (r != 0)
                        return r;
        }

        if (field_get_boolean(o, "stderrToStdout")) {
                if (field_get(o, "stderr"))
                        return failure_set_field(f, "stderrToStdout", "Standard error goes elsewhere already.");
                s->streams[2].type = STREAM_STDOUT;
        }

        return 0;
}

/* All three streams of the program. */
static int parse_terminal(json_object *o, const RequestFds *fds, RunSpec *s, Failure *f) {
        json_object *terminal = field_get(o, "terminalFileDescriptor");
        int fd = -EBADF, r;

        if (!terminal)
                return 0;
        if (field_get(o, "stdin") || field_get(o, "stdout") || field_get(o, "stderr") || field_get(o, "stderrToStdout"))
                return failure_set_field(f, "terminalFileDescriptor", "The standard streams go elsewhere already.");

        r = field_take_fd(terminal, fds, "terminalFileDescriptor", &fd, f);
        if (r != 0)
                return r;

        s->terminal = true;
        s->streams[0] = (StreamSpec) { .type = STREAM_FD, .fd = fd };
        for (size_t i = 1; i < ELEMENTSOF(s->streams); i++) {
                s->streams[i] = (StreamSpec) { .type = STREAM_FD, .fd = fd_duplicate(fd) };
                if (s->streams[i].fd < 0)
                        return s->streams[i].fd;
        }

        return 0;
}

static int parse_extra_fds(json_object *o, const RequestFds *fds, RunSpec *s, Failure *f) {
        json_object *extra = field_get(o, "extraFileDescriptors");
        size_t n = extra ? json_object_array_length(extra) : 0;
        char field[FIELD_SIZE];
        int r;

        if (n > RUN_EXTRA_FDS_MAX)
                return field_refuse_many(f, "extraFileDescriptors", RUN_EXTRA_FDS_MAX);

        for (size_t i = 0; i < n; i++) {
                json_object *e = json_object_array_get_idx(extra, i);
                int64_t target = json_object_get_int64(field_get(e, "target"));

                (void) snprintf(field, sizeof(field), "extraFileDescriptors[%zu].fileDescriptor", i);
                r = field_take_fd(field_get(e, "fileDescriptor"), fds, field, s->extra_fds + i, f);
                if (r != 0)
                        return r;

                /* Out of int's range is out of any. */
                s->extra_targets[i] = target < 0 || target > INT32_MAX ? -1 : (int) target;
                s->n_extra_fds++;
        }

        return 0;
}

int request_parse_out_files(json_object *o, RunRequest *q, Failure *f) {
        json_object *out = field_get(o, "outFiles"), *encoded = field_get(o, "outFilesBase64");
        size_t n = out ? json_object_array_length(out) : 0, n_encoded = encoded ? json_object_array_length(encoded) : 0;
        char field[FIELD_SIZE];
        int r;

        if (n > RUN_OUT_FILES_MAX)
                return field_refuse_many(f, "outFiles", RUN_OUT_FILES_MAX);
        if (n_encoded > RUN_OUT_FILES_MAX - n)
                return field_refuse_many(f, "outFilesBase64", RUN_OUT_FILES_MAX - (unsigned) n);

        for (size_t i = 0; i < n; i++) {
                q->out_files[i] = strdup(json_object_get_string(json_object_array_get_idx(out, i)));
                if (!q->out_files[i])
                        return -ENOMEM;
                q->n_out_files++;
        }

        for (size_t i = 0; i < n_encoded; i++) {
                (void) snprintf(field, sizeof(field), "outFilesBase64[%zu]", i);
                r = field_decode_path(json_object_array_get_idx(encoded, i), field, q->out_files + q->n_out_files, f);
                if (r != 0)
                        return r;
                q->n_out_files++;
        }

        return 0;
}

static int parse_files(json_object *o, const RequestFds *fds, RunRequest *q, Failure *f) {
        json_object *in = field_get(o, "inFiles");
        size_t n_in = in ? json_object_array_length(in) : 0;
        char field[FIELD_SIZE];
        int r;

        if (n_in > RUN_IN_FILES_MAX)
                return field_refuse_many(f, "inFiles", RUN_IN_FILES_MAX);

        for (size_t i = 0; i < n_in; i++) {
                json_object *e = json_object_array_get_idx(in, i);
                InFile *file = q->in_files + i;

                *file = (InFile) { .fd = -EBADF, .executable = field_get_boolean(e, "executable") };
                q->n_in_files++;

                (void) snprintf(field, sizeof(field), "inFiles[%zu].fileDescriptor", i);
                r = field_take_fd(field_get(e, "fileDescriptor"), fds, field, &file->fd, f);
                (void) snprintf(field, sizeof(field), "inFiles[%zu].", i);
                if (r == 0)
                        r = field_get_path(e, field, &file->path, f);
                if (r != 0)
                        return r;
                if (!file->path) {
                        (void) snprintf(field, sizeof(field), "inFiles[%zu].path", i);
                        return failure_set_field(f, field, "%s is missing.", field);
                }
        }

        return request_parse_out_files(o, q, f);
}

static int parse_priority(json_object *o, int *ret, Failure *f) {
        json_object *v = field_get(o, "priority");
        int64_t n = v ? json_object_get_int64(v) : 0;

        if (n < ADMISSION_PRIORITY_MIN || n > ADMISSION_PRIORITY_MAX)
                return failure_set_field(f, "priority", "priority must be from %i to %i.", ADMISSION_PRIORITY_MIN,
                                         ADMISSION_PRIORITY_MAX);

        *ret = (int) n;
        return 0;
}

bool request_is_streamed(const RunRequest *q) {
        assert(q);

        for (size_t i = 0; i < ELEMENTSOF(q->streamed_fds); i++)
                if (q->streamed_fds[i] >= 0)
                        return true;

        return false;
}

int request_parse_run(json_object *o, const RequestFds *fds, RunRequest *q, Failure *f) {
        json_object *limits = field_get(o, "limits"), *executable = field_get(o, "executableFileDescriptor");
        RunSpec *s = &q->spec;
        int r;

        r = field_get_strv(o, "arguments", &s->argv);
        if (r >= 0)
                r = field_get_strv(o, "environment", &s->environment);
        if (r >= 0)
                r = field_get_string(o, "workingDirectory", &s->working_directory);
        if (r >= 0)
                r = field_get_string(o, "profile", &q->profile);
        if (r >= 0 && limits)
                r = request_parse_limits(limits, &s->limits);
        if (r < 0)
                return r;
        s->keep = field_get_boolean(o, "keep");
        q->no_defaults = field_get_boolean(o, "noDefaults");
        if (q->no_defaults && field_get(o, "box"))
                return failure_set_field(f, "noDefaults", "The box has its defaults already.");
        q->trace_given = field_get(o, "trace");
        s->trace = field_get_boolean(o, "trace");

        r = parse_priority(o, &q->priority, f);
        if (r != 0)
                return r;

        r = parse_streams(o, fds, q, f);
        if (r == 0 && s->keep && request_is_streamed(q))
                r = failure_set_field(f, "keep", "A streamed run ends with its connection.");
        if (r == 0)
                r = parse_terminal(o, fds, s, f);
        if (r == 0 && executable)
                r = field_take_fd(executable, fds, "executableFileDescriptor", &s->exec_fd, f);
        if (r == 0)
                r = parse_extra_fds(o, fds, s, f);
        if (r == 0)
                r = allowed_paths_parse(field_get(o, "allowedPaths"), "allowedPaths", &s->allowed_paths, f);
        if (r == 0)
                r = parse_files(o, fds, q, f);
        return r;
}
