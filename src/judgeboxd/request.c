/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "allowed-paths.h"
#include "base64.h"
#include "fd-util.h"
#include "manager.h"
#include "parse-util.h"
#include "request-group.h"
#include "request.h"

#define TMPFS_BYTES_DEFAULT (UINT64_C(64) << 20)

static json_object *get(json_object *o, const char *name) {
        json_object *v = NULL;

        return json_object_object_get_ex(o, name, &v) ? v : NULL;
}

static bool get_boolean(json_object *o, const char *name) {
        json_object *v = get(o, name);

        return v && json_object_get_boolean(v);
}

/* A negative number comes out beyond every limit there is. */
static bool get_uint64(json_object *o, const char *name, uint64_t *ret) {
        json_object *v = get(o, name);

        if (v)
                *ret = (uint64_t) json_object_get_int64(v);
        return v;
}

static int get_string(json_object *o, const char *name, char **ret) {
        json_object *v = get(o, name);

        return v ? free_and_strdup(ret, json_object_get_string(v)) : 0;
}

static int get_strv(json_object *o, const char *name, char ***ret) {
        json_object *v = get(o, name);
        char **l;
        size_t n;

        if (!v)
                return 0;

        n = json_object_array_length(v);
        *ret = l = new0(char *, n + 1);
        if (!l)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                l[i] = strdup(json_object_get_string(json_object_array_get_idx(v, i)));
                if (!l[i])
                        return -ENOMEM;
        }

        return 0;
}

#define FIELD_SIZE 96

/* A path of the box that is given by its bytes. */
static int decode_path(json_object *encoded, const char *field, char **ret, Failure *f) {
        _cleanup_free_ char *path = NULL;
        size_t size;
        int r;

        r = base64_decode(json_object_get_string(encoded), &path, &size);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || strlen(path) != size || !box_path_is_valid(path))
                return failure_set_field(f, field, "%s is not the base64 of a path that a box can have.", field);

        return free_and_strdup(ret, path);
}

/* `path` or `pathBase64`; stays as it is if there is neither. prefix: what comes before the name of these fields. */
static int get_path(json_object *o, const char *prefix, char **ret, Failure *f) {
        json_object *encoded = get(o, "pathBase64");
        char field[FIELD_SIZE];

        if (!encoded)
                return get_string(o, "path", ret);

        (void) snprintf(field, sizeof(field), "%spathBase64", prefix);
        if (get(o, "path"))
                return failure_set_field(f, field, "%s cannot be given together with path.", field);

        return decode_path(encoded, field, ret, f);
}

static int take_fd(json_object *index, const RequestFds *fds, const char *field, int *ret, Failure *f) {
        int fd;

        fd = fds->take(json_object_get_int64(index), fds->userdata);
        if (fd < 0)
                return failure_set_field(f, field, "No such descriptor came with the message, or it is used twice.");

        *ret = fd;
        return 0;
}

static int too_many(Failure *f, const char *field, unsigned max) {
        return failure_set_field(f, field, "There can be at most %u.", max);
}

int request_parse_limits(json_object *o, Limits *limits) {
        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++) {
                uint64_t value;

                if (get_uint64(o, limit_type_to_string(t), &value))
                        limits_set(limits, t, value);
        }

        return get_string(o, "cpuSet", &limits->cpu_set);
}

static int parse_bind(json_object *o, const char *prefix, const RequestFds *fds, BoxSettings *s, Failure *f) {
        BindSpec *b = s->binds + s->n_binds;
        char field[FIELD_SIZE];
        int r;

        *b = (BindSpec) {
                .source_fd = -EBADF,
                .writable = get_boolean(o, "writable"),
                .noexec = get_boolean(o, "noexec"),
                .owned = get_boolean(o, "owned"),
        };

        (void) snprintf(field, sizeof(field), "%s.binds[%zu].sourceFileDescriptor", prefix, s->n_binds);
        s->n_binds++;

        r = take_fd(get(o, "sourceFileDescriptor"), fds, field, &b->source_fd, f);
        return r != 0 ? r : get_string(o, "path", &b->path);
}

static int parse_mounts(json_object *o, const char *prefix, const RequestFds *fds, BoxSettings *s, Failure *f) {
        json_object *binds = get(o, "binds"), *tmpfs = get(o, "tmpfs");
        size_t n_binds = binds ? json_object_array_length(binds) : 0;
        size_t n_tmpfs = tmpfs ? json_object_array_length(tmpfs) : 0;
        char field[FIELD_SIZE];
        int r;

        if (n_binds > BOX_BINDS_MAX || n_tmpfs > BOX_TMPFS_MAX) {
                (void) snprintf(field, sizeof(field), "%s.%s", prefix, n_binds > BOX_BINDS_MAX ? "binds" : "tmpfs");
                return too_many(f, field, n_binds > BOX_BINDS_MAX ? BOX_BINDS_MAX : BOX_TMPFS_MAX);
        }

        for (size_t i = 0; i < n_binds; i++) {
                r = parse_bind(json_object_array_get_idx(binds, i), prefix, fds, s, f);
                if (r != 0)
                        return r;
        }

        for (size_t i = 0; i < n_tmpfs; i++) {
                json_object *t = json_object_array_get_idx(tmpfs, i);

                s->tmpfs[i] = (TmpfsSpec) { .bytes = TMPFS_BYTES_DEFAULT };
                s->n_tmpfs++;

                (void) get_uint64(t, "sizeBytes", &s->tmpfs[i].bytes);
                r = get_string(t, "path", &s->tmpfs[i].path);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int parse_directory(json_object *o, const char *prefix, const RequestFds *fds, BoxSettings *s, Failure *f) {
        json_object *index = get(o, "directoryFileDescriptor");
        char field[FIELD_SIZE];
        int fd = -EBADF, r;

        s->host_directory = get_boolean(o, "hostDirectory");
        (void) get_uint64(o, "directoryBytes", &s->directory_bytes);
        (void) get_uint64(o, "directoryInodes", &s->directory_inodes);
        if (!index && !s->host_directory)
                return 0;

        (void) snprintf(field, sizeof(field), "%s.%s", prefix, index ? "directoryFileDescriptor" : "hostDirectory");
        if (index && s->host_directory)
                return failure_set_field(f, field, "Not together with hostDirectory.");
        if (s->n_binds >= BOX_BINDS_MAX)
                return failure_set_field(f, field, "Together with it there can be at most %u binds.", BOX_BINDS_MAX - 1);
        if (!index)
                return 0;

        r = take_fd(index, fds, field, &fd, f);
        return r != 0 ? r : box_settings_add_directory(s, fd);
}

int request_parse_settings(json_object *o, const char *prefix, const RequestFds *fds, BoxSettings *s, Failure *f) {
        json_object *limits = get(o, "limits");
        char field[FIELD_SIZE];
        int r;

        s->storage_given = get_uint64(o, "storageBytes", &s->storage_bytes);
        (void) get_uint64(o, "inodes", &s->inodes);
        s->share_network = get_boolean(o, "shareNetwork");
        s->keep_temporary = get_boolean(o, "keepTemporary");
        s->deny_tsc = get_boolean(o, "denyTimestampCounter");
        s->bare_root = get_boolean(o, "bareRoot");
        s->trace = get_boolean(o, "trace");

        r = get_string(o, "hostName", &s->host_name);
        if (r >= 0)
                r = get_string(o, "domainName", &s->domain_name);
        if (r >= 0)
                r = get_string(o, "image", &s->image);
        s->image_writable = get_boolean(o, "imageWritable");
        if (r >= 0)
                r = get_string(o, "profile", &s->profile);
        if (r >= 0 && limits)
                r = request_parse_limits(limits, &s->limits);
        if (r < 0)
                return r;

        (void) snprintf(field, sizeof(field), "%s.allowedPaths", prefix);
        r = allowed_paths_parse(get(o, "allowedPaths"), field, &s->allowed_paths, f);
        if (r == 0)
                r = parse_mounts(o, prefix, fds, s, f);
        return r != 0 ? r : parse_directory(o, prefix, fds, s, f);
}

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

        json_object *stream = get(o, name), *fd;
        char field[FIELD_SIZE];
        bool path, capture, streamed;

        if (!stream)
                return 0;

        fd = get(stream, "fileDescriptor");
        path = get(stream, "path") || get(stream, "pathBase64");
        capture = get_boolean(stream, "capture");
        streamed = get_boolean(stream, "stream");
        if (!!fd + path + capture + streamed != 1)
                return failure_set_field(f, name, "%s wants exactly one of what it can be.", name);

        if (capture) {
                s->type = STREAM_CAPTURE;
                return 0;
        }

        if (streamed)
                return open_streamed(input, s, streamed_fd);

        if (path) {
                s->type = STREAM_PATH;
                (void) snprintf(field, sizeof(field), "%s.", name);
                return get_path(stream, field, &s->path, f);
        }

        s->type = STREAM_FD;
        (void) snprintf(field, sizeof(field), "%s.fileDescriptor", name);
        return take_fd(fd, fds, field, &s->fd, f);
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

        if (get_boolean(o, "stderrToStdout")) {
                if (get(o, "stderr"))
                        return failure_set_field(f, "stderrToStdout", "Standard error goes elsewhere already.");
                s->streams[2].type = STREAM_STDOUT;
        }

        return 0;
}

/* All three streams of the program. */
static int parse_terminal(json_object *o, const RequestFds *fds, RunSpec *s, Failure *f) {
        json_object *terminal = get(o, "terminalFileDescriptor");
        int fd = -EBADF, r;

        if (!terminal)
                return 0;
        if (get(o, "stdin") || get(o, "stdout") || get(o, "stderr") || get(o, "stderrToStdout"))
                return failure_set_field(f, "terminalFileDescriptor", "The standard streams go elsewhere already.");

        r = take_fd(terminal, fds, "terminalFileDescriptor", &fd, f);
        if (r != 0)
                return r;

        s->terminal = true;
        s->streams[0] = (StreamSpec) { .type = STREAM_FD, .fd = fd };
        for (size_t i = 1; i < ELEMENTSOF(s->streams); i++) {
                s->streams[i] = (StreamSpec) { .type = STREAM_FD, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 3) };
                if (s->streams[i].fd < 0)
                        return -errno;
        }

        return 0;
}

static int parse_extra_fds(json_object *o, const RequestFds *fds, RunSpec *s, Failure *f) {
        json_object *extra = get(o, "extraFileDescriptors");
        size_t n = extra ? json_object_array_length(extra) : 0;
        char field[FIELD_SIZE];
        int r;

        if (n > RUN_EXTRA_FDS_MAX)
                return too_many(f, "extraFileDescriptors", RUN_EXTRA_FDS_MAX);

        for (size_t i = 0; i < n; i++) {
                json_object *e = json_object_array_get_idx(extra, i);
                int64_t target = json_object_get_int64(get(e, "target"));

                (void) snprintf(field, sizeof(field), "extraFileDescriptors[%zu].fileDescriptor", i);
                r = take_fd(get(e, "fileDescriptor"), fds, field, s->extra_fds + i, f);
                if (r != 0)
                        return r;

                /* Out of int's range is out of any. */
                s->extra_targets[i] = target < 0 || target > INT32_MAX ? -1 : (int) target;
                s->n_extra_fds++;
        }

        return 0;
}

static int parse_out_files(json_object *o, RunRequest *q, Failure *f) {
        json_object *out = get(o, "outFiles"), *encoded = get(o, "outFilesBase64");
        size_t n = out ? json_object_array_length(out) : 0, n_encoded = encoded ? json_object_array_length(encoded) : 0;
        char field[FIELD_SIZE];
        int r;

        if (n > RUN_OUT_FILES_MAX)
                return too_many(f, "outFiles", RUN_OUT_FILES_MAX);
        if (n_encoded > RUN_OUT_FILES_MAX - n)
                return too_many(f, "outFilesBase64", RUN_OUT_FILES_MAX - (unsigned) n);

        for (size_t i = 0; i < n; i++) {
                q->out_files[i] = strdup(json_object_get_string(json_object_array_get_idx(out, i)));
                if (!q->out_files[i])
                        return -ENOMEM;
                q->n_out_files++;
        }

        for (size_t i = 0; i < n_encoded; i++) {
                (void) snprintf(field, sizeof(field), "outFilesBase64[%zu]", i);
                r = decode_path(json_object_array_get_idx(encoded, i), field, q->out_files + q->n_out_files, f);
                if (r != 0)
                        return r;
                q->n_out_files++;
        }

        return 0;
}

static int parse_files(json_object *o, const RequestFds *fds, RunRequest *q, Failure *f) {
        json_object *in = get(o, "inFiles");
        size_t n_in = in ? json_object_array_length(in) : 0;
        char field[FIELD_SIZE];
        int r;

        if (n_in > RUN_IN_FILES_MAX)
                return too_many(f, "inFiles", RUN_IN_FILES_MAX);

        for (size_t i = 0; i < n_in; i++) {
                json_object *e = json_object_array_get_idx(in, i);
                InFile *file = q->in_files + i;

                *file = (InFile) { .fd = -EBADF, .executable = get_boolean(e, "executable") };
                q->n_in_files++;

                (void) snprintf(field, sizeof(field), "inFiles[%zu].fileDescriptor", i);
                r = take_fd(get(e, "fileDescriptor"), fds, field, &file->fd, f);
                (void) snprintf(field, sizeof(field), "inFiles[%zu].", i);
                if (r == 0)
                        r = get_path(e, field, &file->path, f);
                if (r != 0)
                        return r;
                if (!file->path) {
                        (void) snprintf(field, sizeof(field), "inFiles[%zu].path", i);
                        return failure_set_field(f, field, "%s is missing.", field);
                }
        }

        return parse_out_files(o, q, f);
}

/* The defaults, but for those that were given. */
static int add_default_environment(char ***environment) {
        static const char *const defaults[] = {
                "PATH=/usr/local/bin:/usr/bin:/bin",
                "HOME=/box",
                "LANG=C.UTF-8",
                "TMPDIR=/tmp",
        };
        bool given[ELEMENTSOF(defaults)] = {};
        int r;

        STRV_FOREACH(e, *environment)
                for (size_t i = 0; i < ELEMENTSOF(defaults); i++)
                        given[i] = given[i] || strncmp(*e, defaults[i], strcspn(defaults[i], "=") + 1) == 0;

        for (size_t i = 0; i < ELEMENTSOF(defaults); i++)
                if (!given[i]) {
                        r = strv_extend(environment, defaults[i]);
                        if (r < 0)
                                return r;
                }

        return 0;
}

static int parse_priority(json_object *o, int *ret, Failure *f) {
        json_object *v = get(o, "priority");
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
        json_object *limits = get(o, "limits"), *executable = get(o, "executableFileDescriptor");
        RunSpec *s = &q->spec;
        int r;

        r = get_strv(o, "arguments", &s->argv);
        if (r >= 0)
                r = get_strv(o, "environment", &s->environment);
        if (r >= 0)
                r = get_string(o, "workingDirectory", &s->working_directory);
        if (r >= 0)
                r = get_string(o, "profile", &q->profile);
        if (r >= 0 && limits)
                r = request_parse_limits(limits, &s->limits);
        if (r < 0)
                return r;
        s->keep = get_boolean(o, "keep");
        q->no_defaults = get_boolean(o, "noDefaults");
        if (q->no_defaults && get(o, "box"))
                return failure_set_field(f, "noDefaults", "The box has its defaults already.");
        q->trace_given = get(o, "trace");
        s->trace = get_boolean(o, "trace");

        r = parse_priority(o, &q->priority, f);
        if (r != 0)
                return r;

        r = parse_streams(o, fds, q, f);
        if (r == 0 && s->keep && request_is_streamed(q))
                r = failure_set_field(f, "keep", "What is streamed ends with the connection.");
        if (r == 0)
                r = parse_terminal(o, fds, s, f);
        if (r == 0 && executable)
                r = take_fd(executable, fds, "executableFileDescriptor", &s->exec_fd, f);
        if (r == 0)
                r = parse_extra_fds(o, fds, s, f);
        if (r == 0)
                r = allowed_paths_parse(get(o, "allowedPaths"), "allowedPaths", &s->allowed_paths, f);
        if (r == 0)
                r = parse_files(o, fds, q, f);
        return r;
}

/* There is such a profile; and whether it is for everyone. */
static int check_profile(Operation *o, const char *name, const char *field, Failure *f) {
        const StoredProfile *p;
        int r;

        if (!name)
                return 0;

        r = profile_store_get(o->manager->profiles, name, field, &p, f);
        if (r == 0)
                o->admin_profile = o->admin_profile || profile_is_admin_only(p->profile);
        return r;
}

/* Which box: for all methods alike. */
static int parse_target(Operation *o, json_object *p, Failure *f) {
        uint64_t owner;
        int r;

        r = get_string(p, "box", &o->box);
        if (r < 0)
                return r;
        if (o->box) {
                r = check_box_id(o->box, f);
                if (r != 0)
                        return r;
        }

        if (get_uint64(p, "owner", &owner)) {
                /* (uid_t) -1 is nobody's: it means "no change" to the kernel. */
                if (owner >= UINT32_MAX)
                        return failure_set_field(f, "owner", "Not a uid.");
                if (!o->box && o->type == OPERATION_RUN)
                        return failure_set_field(f, "owner", "Without a box there is no owner to name.");
                o->owner = (uid_t) owner;
        }

        return 0;
}

static int parse_path(Operation *o, json_object *p, Failure *f) {
        int r;

        r = get_path(p, "", &o->path, f);
        if (r != 0)
                return r;
        if (o->path)
                return check_box_path(o->path, "path", f);

        if (IN_SET(o->type, OPERATION_OPEN_FILE, OPERATION_MAKE_DIRECTORY, OPERATION_REMOVE_FILE))
                return failure_set_field(f, "path", "Which file is meant has to be said.");
        return o->type == OPERATION_LIST_FILES ? free_and_strdup(&o->path, ".") : 0;
}

static int parse_run_number(Operation *o, json_object *p, Failure *f) {
        o->has_run_number = get_uint64(p, "run", &o->run_number);
        if (o->has_run_number && (o->run_number < 1 || o->run_number > INT64_MAX))
                return failure_set_field(f, "run", "Runs are numbered from 1.");

        return 0;
}

static int parse_settings(Operation *o, json_object *p, const RequestFds *fds, Failure *f) {
        json_object *settings = get(p, "settings");
        int r;

        if (!settings)
                return 0;
        if (o->type == OPERATION_RUN && o->box)
                return failure_set_field(f, "settings", "The box has its settings already.");

        r = request_parse_settings(settings, "settings", fds, &o->settings, f);
        if (r != 0)
                return r;

        r = check_settings(&o->settings, "settings", &o->caller, &o->manager->cpus, f);
        return r != 0 ? r : check_profile(o, o->settings.profile, "settings.profile", f);
}

static int parse_run(Operation *o, json_object *p, const RequestFds *fds, Failure *f) {
        int r;

        r = request_parse_run(p, fds, &o->request, f);
        if (r == 0)
                r = check_run_request(&o->request, &o->manager->cpus, f);
        if (r == 0)
                r = check_profile(o, o->request.profile, "profile", f);
        if (r == 0 && !o->request.no_defaults)
                r = add_default_environment(&o->request.spec.environment);
        return r;
}

static int parse_input(Operation *o, json_object *p, Failure *f) {
        _cleanup_free_ char *data = NULL;
        json_object *encoded = get(p, "dataBase64");
        size_t size = 0;
        int r;

        r = parse_run_number(o, p, f);
        if (r != 0)
                return r;

        if (encoded) {
                r = base64_decode(json_object_get_string(encoded), &data, &size);
                if (r == -EBADMSG)
                        return failure_set_field(f, "dataBase64", "Not base64.");
                if (r < 0)
                        return r;
        }

        r = input_data_new(data, size, get_boolean(p, "end"), &o->input);
        if (r >= 0)
                TAKE_PTR(data);
        return r;
}

static int parse_collect(Operation *o, json_object *p, Failure *f) {
        int r;

        r = parse_run_number(o, p, f);
        if (r == 0)
                r = parse_out_files(p, &o->request, f);
        return r != 0 ? r : check_out_files(&o->request, f);
}

int request_parse(Operation *o, json_object *parameters, const RequestFds *fds, Failure *f) {
        int r;

        assert(o);
        assert(parameters);
        assert(fds);

        r = parse_target(o, parameters, f);
        if (r == 0)
                r = parse_path(o, parameters, f);
        if (r == 0)
                r = parse_settings(o, parameters, fds, f);
        if (r != 0)
                return r;

        if (o->type == OPERATION_RUN)
                return parse_run(o, parameters, fds, f);
        if (o->type == OPERATION_RUN_GROUP)
                return request_parse_group(o, parameters, fds, f);
        if (o->type == OPERATION_SEND_INPUT)
                return parse_input(o, parameters, f);
        if (o->type == OPERATION_COLLECT)
                return parse_collect(o, parameters, f);
        if (o->type == OPERATION_GET_PROFILE)
                return get_string(parameters, "profile", &o->profile);
        if (o->type == OPERATION_KILL)
                return parse_run_number(o, parameters, f);

        if (get_uint64(parameters, "offset", &o->offset) && o->offset > INT64_MAX)
                return failure_set_field(f, "offset", "offset cannot be negative.");

        o->all = get_boolean(parameters, "all");
        o->until_disconnect = get_boolean(parameters, "untilDisconnect");
        o->flags = (get_boolean(parameters, "create") ? FILE_CREATE : 0) |
                        (get_boolean(parameters, "executable") ? FILE_EXECUTABLE : 0) |
                        (get_boolean(parameters, "recursive") ? FILE_RECURSIVE : 0);
        return 0;
}
