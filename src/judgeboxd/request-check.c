/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "allowed-paths.h"
#include "fd-check.h"
#include "image.h"
#include "request-check.h"
#include "parse-util.h"

#define STORAGE_MIN UINT64_C(4096)
#define STORAGE_MAX (UINT64_C(1) << 50)
#define INODES_MIN UINT64_C(16)
#define INODES_MAX (UINT64_C(1) << 32)
#define HOST_NAME_SIZE_MAX 64U /* __NEW_UTS_LEN */
#define EXTRA_TARGET_MIN 3
#define EXTRA_TARGET_MAX ((1 << 20) - 1)

#define FIELD_SIZE 96
#define FIELD(...) field_name((char[FIELD_SIZE]) {}, __VA_ARGS__)

_printf_(2, 3) static const char *field_name(char buf[static FIELD_SIZE], const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(buf, FIELD_SIZE, format, ap);
        va_end(ap);
        return buf;
}

static int check_range(uint64_t value, uint64_t min, uint64_t max, const char *field, Failure *f) {
        if (value >= min && value <= max)
                return 0;

        return failure_set_message(f, FAILURE_LIMIT_OUT_OF_RANGE, field,
                                   "%s must be from %" PRIu64 " to %" PRIu64 ".", field, min, max);
}

static int check_cpu_set(const Limits *l, const char *prefix, const HostCpus *cpus, Failure *f) {
        const char *field = FIELD("%s.cpuSet", prefix);
        int r;

        if (!l->cpu_set)
                return 0;

        if (cpus->exclusive)
                return failure_set_message(f, FAILURE_LIMIT_OUT_OF_RANGE, field,
                                           "%s cannot be chosen here: each run has CPUs of its own.", field);

        r = host_cpus_check_list(cpus, l->cpu_set, NULL);
        if (r == -ENXIO)
                return failure_set_message(f, FAILURE_LIMIT_OUT_OF_RANGE, field,
                                           "%s names a CPU twice, or one that cannot be used here.", field);

        return r < 0 ? failure_set_field(f, field, "%s is not a list of CPUs such as 0-3,6.", field) : 0;
}

static int check_limits(const Limits *l, const char *prefix, const HostCpus *cpus, Failure *f) {
        int r;

        assert(l);
        assert(prefix);
        assert(cpus);

        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++) {
                uint64_t min, max;

                if (!limits_has(l, t))
                        continue;

                limit_range(t, &min, &max);
                if (t == LIMIT_CPUS)
                        max = MIN(max, cpus->n);
                else if (t == LIMIT_CPU_PERCENT)
                        max = MIN(max, UINT64_C(100) * cpus->n);

                r = check_range(l->values[t], min, max, FIELD("%s.%s", prefix, limit_type_to_string(t)), f);
                if (r != 0)
                        return r;
        }

        return check_cpu_set(l, prefix, cpus, f);
}

static bool host_name_is_valid(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || n > HOST_NAME_SIZE_MAX || IN_SET(s[0], '-', '.'))
                return false;

        for (; *s; s++)
                if (!isascii((unsigned char) *s) || (!isalnum((unsigned char) *s) && !IN_SET(*s, '-', '.', '_')))
                        return false;

        return true;
}

/* NAME=VALUE */
static bool environment_entry_is_valid(const char *s) {
        size_t n = strcspn(s, "=");

        if (n == 0 || s[n] != '=' || isdigit((unsigned char) s[0]))
                return false;

        for (size_t i = 0; i < n; i++)
                if (!isascii((unsigned char) s[i]) || !isgraph((unsigned char) s[i]))
                        return false;

        return true;
}

int check_box_id(const char *id, Failure *f) {
        if (box_id_is_valid(id))
                return 0;

        return failure_set_field(f, "box", "A box is named by 1 to 32 of A-Z, a-z, 0-9, _ and -.");
}

int check_box_path(const char *path, const char *field, Failure *f) {
        if (box_path_is_valid(path))
                return 0;

        return failure_set_field(f, field, "%s is empty, too long, or climbs with \"..\".", field);
}

/* Where something is mounted: not over what the box itself depends on. */
static int check_mount_path(const char *path, const char *field, Failure *f) {
        int r;

        if (path[0] != '/')
                return failure_set_field(f, field, "%s must be absolute, and below /.", field);

        r = check_box_path(path, field, f);
        if (r != 0)
                return r;

        return box_path_is_reserved(path)
                ? failure_set_field(f, field, "%s cannot be /, nor in /proc or /dev but for /dev/shm.", field) : 0;
}

static int refuse_fd(Failure *f, const char *field, const char *message) {
        return failure_set_field(f, field, "%s is %s.", field, message ?: "not a descriptor that can be used");
}

static int check_bind(const BindSpec *b, const char *field, const Caller *caller, Failure *f) {
        const char *message = NULL;
        int r;

        r = b->directory ? check_fd_directory(b->source_fd, caller, &message)
                         : check_fd_bind(b->source_fd, caller, b->writable, &message);
        return r < 0 ? refuse_fd(f, field, message) : 0;
}

static int check_mounts(const BoxSettings *s, const char *prefix, const Caller *caller, Failure *f) {
        int r;

        for (size_t i = 0; i < s->n_binds; i++) {
                const BindSpec *b = s->binds + i;

                r = check_mount_path(b->path, FIELD("%s.binds[%zu].path", prefix, i), f);
                if (r != 0)
                        return r;

                r = check_bind(b, b->directory ? FIELD("%s.directoryFileDescriptor", prefix)
                                               : FIELD("%s.binds[%zu].sourceFileDescriptor", prefix, i), caller, f);
                if (r != 0)
                        return r;
        }

        for (size_t i = 0; i < s->n_tmpfs; i++) {
                r = check_mount_path(s->tmpfs[i].path, FIELD("%s.tmpfs[%zu].path", prefix, i), f);
                if (r == 0)
                        r = check_range(s->tmpfs[i].bytes, STORAGE_MIN, STORAGE_MAX,
                                        FIELD("%s.tmpfs[%zu].sizeBytes", prefix, i), f);
                if (r != 0)
                        return r;
        }

        return 0;
}

/* Of other directories the service could not take it away again. */
static int check_directory_quota(const BoxSettings *s, const char *prefix, Failure *f) {
        const char *bytes = FIELD("%s.directoryBytes", prefix), *inodes = FIELD("%s.directoryInodes", prefix);
        int r;

        if ((s->directory_bytes > 0 || s->directory_inodes > 0) && !s->host_directory)
                return failure_set_field(f, s->directory_bytes > 0 ? bytes : inodes,
                                         "Only together with hostDirectory.");

        r = check_range(s->directory_bytes, 0, STORAGE_MAX, bytes, f);
        return r != 0 ? r : check_range(s->directory_inodes, 0, INODES_MAX, inodes, f);
}

/* The kernel's word on whether it can be denied: only x86 has it. */
static bool has_timestamp_counter(void) {
        int mode;

        return prctl(PR_GET_TSC, &mode, 0, 0, 0) >= 0;
}

int check_settings(const BoxSettings *s, const char *prefix, const Caller *caller, const HostCpus *cpus, Failure *f) {
        int r;

        assert(s);
        assert(caller);

        r = check_range(s->storage_bytes, STORAGE_MIN, STORAGE_MAX, FIELD("%s.storageBytes", prefix), f);
        if (r == 0)
                r = check_range(s->inodes, INODES_MIN, INODES_MAX, FIELD("%s.inodes", prefix), f);
        if (r != 0)
                return r;

        if (s->host_name && !host_name_is_valid(s->host_name))
                return failure_set_field(f, FIELD("%s.hostName", prefix), "Not a host name.");
        if (s->domain_name && !host_name_is_valid(s->domain_name))
                return failure_set_field(f, FIELD("%s.domainName", prefix), "Not a domain name.");
        if (s->image && !image_name_is_valid(s->image))
                return failure_set_field(f, FIELD("%s.image", prefix), "Not the name of an image.");
        if (s->image_writable && !s->image)
                return failure_set_field(f, FIELD("%s.imageWritable", prefix),
                                         "Without an image there is none to write to.");
        if (s->image && s->bare_root)
                return failure_set_field(f, FIELD("%s.image", prefix), "Cannot be combined with bareRoot.");

        r = check_directory_quota(s, prefix, f);
        if (r != 0)
                return r;

        if (s->deny_tsc && !has_timestamp_counter())
                return failure_set_field(f, FIELD("%s.denyTimestampCounter", prefix),
                                         "This processor has no timestamp counter.");

        r = check_mounts(s, prefix, caller, f);
        if (r == 0)
                r = allowed_paths_check(&s->allowed_paths, FIELD("%s.allowedPaths", prefix), f);
        if (r != 0)
                return r;

        return check_limits(&s->limits, FIELD("%s.limits", prefix), cpus, f);
}

static int check_stream(const StreamSpec *s, size_t i, Failure *f) {
        static const char *const names[] = { "stdin", "stdout", "stderr" };
        const char *message = NULL;
        int r;

        if (s->type == STREAM_PATH)
                return check_box_path(s->path, FIELD("%s.path", names[i]), f);
        if (s->type != STREAM_FD)
                return 0;

        r = i == 0 ? check_fd_input(s->fd, &message) : check_fd_output(s->fd, &message);
        return r < 0 ? refuse_fd(f, FIELD("%s.fileDescriptor", names[i]), message) : 0;
}

static int check_descriptors(const RunRequest *q, Failure *f) {
        const RunSpec *s = &q->spec;
        const char *message = NULL;
        int r;

        if (s->terminal) {
                if (check_fd_terminal(s->streams[0].fd, &message) < 0)
                        return refuse_fd(f, "terminalFileDescriptor", message);
        } else
                for (size_t i = 0; i < ELEMENTSOF(s->streams); i++) {
                        r = check_stream(s->streams + i, i, f);
                        if (r != 0)
                                return r;
                }

        if (s->exec_fd >= 0 && check_fd_file(s->exec_fd, &message) < 0)
                return refuse_fd(f, "executableFileDescriptor", message);

        for (size_t i = 0; i < s->n_extra_fds; i++) {
                const char *field = FIELD("extraFileDescriptors[%zu].target", i);

                if (s->extra_targets[i] < EXTRA_TARGET_MIN || s->extra_targets[i] > EXTRA_TARGET_MAX)
                        return failure_set_field(f, field, "%s must be from %i to %i.", field, EXTRA_TARGET_MIN,
                                                 EXTRA_TARGET_MAX);
                for (size_t k = 0; k < i; k++)
                        if (s->extra_targets[k] == s->extra_targets[i])
                                return failure_set_field(f, field, "%s is used twice.", field);
        }

        return 0;
}

int check_out_files(const RunRequest *q, Failure *f) {
        for (size_t i = 0; i < q->n_out_files; i++) {
                int r;

                r = check_box_path(q->out_files[i], FIELD("outFiles[%zu]", i), f);
                if (r != 0)
                        return r;
        }

        return 0;
}

static int check_files(const RunRequest *q, Failure *f) {
        const char *message = NULL;
        int r;

        for (size_t i = 0; i < q->n_in_files; i++) {
                r = check_box_path(q->in_files[i].path, FIELD("inFiles[%zu].path", i), f);
                if (r != 0)
                        return r;
                if (check_fd_file(q->in_files[i].fd, &message) < 0)
                        return refuse_fd(f, FIELD("inFiles[%zu].fileDescriptor", i), message);
        }

        return check_out_files(q, f);
}

int check_run_request(const RunRequest *q, const HostCpus *cpus, Failure *f) {
        const RunSpec *s = &q->spec;
        size_t n = strv_length(s->argv), i = 0;
        int r;

        if (n == 0 || n > RUN_ARGUMENTS_MAX)
                return failure_set_field(f, "arguments", "There must be from 1 to %u arguments.", RUN_ARGUMENTS_MAX);
        if (isempty(s->argv[0]) && s->exec_fd < 0)
                return failure_set_field(f, "arguments[0]", "The program has no name.");

        if (strv_length(s->environment) > RUN_ARGUMENTS_MAX)
                return failure_set_field(f, "environment", "There can be at most %u variables.", RUN_ARGUMENTS_MAX);
        STRV_FOREACH(e, s->environment) {
                if (!environment_entry_is_valid(*e))
                        return failure_set_field(f, FIELD("environment[%zu]", i), "Not of the form NAME=VALUE.");
                i++;
        }

        r = s->working_directory ? check_box_path(s->working_directory, "workingDirectory", f) : 0;
        if (r == 0)
                r = check_descriptors(q, f);
        if (r == 0)
                r = check_files(q, f);
        if (r == 0)
                r = allowed_paths_check(&s->allowed_paths, "allowedPaths", f);
        if (r == 0)
                r = check_limits(&s->limits, "limits", cpus, f);
        return r;
}
