/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base64.h"
#include "parse-util.h"
#include "request-field.h"

json_object *field_get(json_object *o, const char *name) {
        json_object *v = NULL;

        return json_object_object_get_ex(o, name, &v) ? v : NULL;
}

bool field_get_boolean(json_object *o, const char *name) {
        json_object *v = field_get(o, name);

        return v && json_object_get_boolean(v);
}

bool field_get_uint64(json_object *o, const char *name, uint64_t *ret) {
        json_object *v = field_get(o, name);

        if (v)
                *ret = (uint64_t) json_object_get_int64(v);
        return v;
}

int field_get_string(json_object *o, const char *name, char **ret) {
        json_object *v = field_get(o, name);

        return v ? free_and_strdup(ret, json_object_get_string(v)) : 0;
}

int field_get_strv(json_object *o, const char *name, char ***ret) {
        json_object *v = field_get(o, name);
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

int field_decode_path(json_object *encoded, const char *field, char **ret, Failure *f) {
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

int field_get_path(json_object *o, const char *prefix, char **ret, Failure *f) {
        json_object *encoded = field_get(o, "pathBase64");
        char field[FIELD_SIZE];

        if (!encoded)
                return field_get_string(o, "path", ret);

        (void) snprintf(field, sizeof(field), "%spathBase64", prefix);
        if (field_get(o, "path"))
                return failure_set_field(f, field, "%s cannot be given together with path.", field);

        return field_decode_path(encoded, field, ret, f);
}

int field_take_fd(json_object *index, const RequestFds *fds, const char *field, int *ret, Failure *f) {
        int fd;

        fd = fds->take(json_object_get_int64(index), fds->userdata);
        if (fd < 0)
                return failure_set_field(f, field, "No such descriptor came with the message, or it is used twice.");

        *ret = fd;
        return 0;
}

int field_refuse_many(Failure *f, const char *field, unsigned max) {
        return failure_set_field(f, field, "There can be at most %u.", max);
}
