/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "allowed-paths.h"
#include "request-field.h"

#define TMPFS_BYTES_DEFAULT (UINT64_C(64) << 20)

int request_parse_limits(json_object *o, Limits *limits) {
        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++) {
                uint64_t value;

                if (field_get_uint64(o, limit_type_to_string(t), &value))
                        limits_set(limits, t, value);
        }

        return field_get_string(o, "cpuSet", &limits->cpu_set);
}

static int parse_bind(json_object *o, const char *prefix, const RequestFds *fds, BoxSettings *s, Failure *f) {
        BindSpec *b = s->binds + s->n_binds;
        char field[FIELD_SIZE];
        int r;

        *b = (BindSpec) {
                .source_fd = -EBADF,
                .writable = field_get_boolean(o, "writable"),
                .noexec = field_get_boolean(o, "noexec"),
                .owned = field_get_boolean(o, "owned"),
        };

        (void) snprintf(field, sizeof(field), "%s.binds[%zu].sourceFileDescriptor", prefix, s->n_binds);
        s->n_binds++;

        r = field_take_fd(field_get(o, "sourceFileDescriptor"), fds, field, &b->source_fd, f);
        return r != 0 ? r : field_get_string(o, "path", &b->path);
}

static int parse_mounts(json_object *o, const char *prefix, const RequestFds *fds, BoxSettings *s, Failure *f) {
        json_object *binds = field_get(o, "binds"), *tmpfs = field_get(o, "tmpfs");
        size_t n_binds = binds ? json_object_array_length(binds) : 0;
        size_t n_tmpfs = tmpfs ? json_object_array_length(tmpfs) : 0;
        char field[FIELD_SIZE];
        int r;

        if (n_binds > BOX_BINDS_MAX || n_tmpfs > BOX_TMPFS_MAX) {
                (void) snprintf(field, sizeof(field), "%s.%s", prefix, n_binds > BOX_BINDS_MAX ? "binds" : "tmpfs");
                return field_refuse_many(f, field, n_binds > BOX_BINDS_MAX ? BOX_BINDS_MAX : BOX_TMPFS_MAX);
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

                (void) field_get_uint64(t, "sizeBytes", &s->tmpfs[i].bytes);
                r = field_get_string(t, "path", &s->tmpfs[i].path);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int parse_directory(json_object *o, const char *prefix, const RequestFds *fds, BoxSettings *s, Failure *f) {
        json_object *index = field_get(o, "directoryFileDescriptor");
        char field[FIELD_SIZE];
        int fd = -EBADF, r;

        s->host_directory = field_get_boolean(o, "hostDirectory");
        (void) field_get_uint64(o, "directoryBytes", &s->directory_bytes);
        (void) field_get_uint64(o, "directoryInodes", &s->directory_inodes);
        if (!index && !s->host_directory)
                return 0;

        (void) snprintf(field, sizeof(field), "%s.%s", prefix, index ? "directoryFileDescriptor" : "hostDirectory");
        if (index && s->host_directory)
                return failure_set_field(f, field, "Cannot be combined with hostDirectory.");
        if (s->n_binds >= BOX_BINDS_MAX)
                return failure_set_field(f, field, "With it there can be at most %u binds.", BOX_BINDS_MAX - 1);
        if (!index)
                return 0;

        r = field_take_fd(index, fds, field, &fd, f);
        return r != 0 ? r : box_settings_add_directory(s, fd);
}

int request_parse_settings(json_object *o, const char *prefix, const RequestFds *fds, BoxSettings *s, Failure *f) {
        json_object *limits = field_get(o, "limits");
        char field[FIELD_SIZE];
        int r;

        s->storage_given = field_get_uint64(o, "storageBytes", &s->storage_bytes);
        (void) field_get_uint64(o, "inodes", &s->inodes);
        s->share_network = field_get_boolean(o, "shareNetwork");
        s->keep_temporary = field_get_boolean(o, "keepTemporary");
        s->deny_tsc = field_get_boolean(o, "denyTimestampCounter");
        s->bare_root = field_get_boolean(o, "bareRoot");
        s->trace = field_get_boolean(o, "trace");

        r = field_get_string(o, "hostName", &s->host_name);
        if (r >= 0)
                r = field_get_string(o, "domainName", &s->domain_name);
        if (r >= 0)
                r = field_get_string(o, "image", &s->image);
        s->image_writable = field_get_boolean(o, "imageWritable");
        if (r >= 0)
                r = field_get_string(o, "profile", &s->profile);
        if (r >= 0 && limits)
                r = request_parse_limits(limits, &s->limits);
        if (r < 0)
                return r;

        (void) snprintf(field, sizeof(field), "%s.allowedPaths", prefix);
        r = allowed_paths_parse(field_get(o, "allowedPaths"), field, &s->allowed_paths, f);
        if (r == 0)
                r = parse_mounts(o, prefix, fds, s, f);
        return r != 0 ? r : parse_directory(o, prefix, fds, s, f);
}
