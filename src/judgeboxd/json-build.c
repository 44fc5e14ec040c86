/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base64.h"
#include "json-build.h"
#include "spec.h"
#include "utf8.h"

void json_add(int *r, json_object *o, const char *name, json_object *value) {
        assert(r);

        if (*r >= 0 && value && json_object_object_add_ex(o, name, value, JSON_C_OBJECT_ADD_KEY_IS_NEW) >= 0)
                return;

        (void) json_object_put(value);
        *r = -ENOMEM;
}

void json_add_string(int *r, json_object *o, const char *name, const char *value) {
        json_add(r, o, name, json_object_new_string(value));
}

void json_add_uint64(int *r, json_object *o, const char *name, uint64_t value) {
        /* Varlink's integers end here. */
        json_add(r, o, name, json_object_new_int64((int64_t) MIN(value, (uint64_t) INT64_MAX)));
}

void json_add_known(int *r, json_object *o, const char *name, uint64_t value) {
        if (value != RESULT_UNKNOWN)
                json_add_uint64(r, o, name, value);
}

void json_append(int *r, json_object *array, json_object *value) {
        assert(r);

        if (*r >= 0 && value && json_object_array_add(array, value) >= 0)
                return;

        (void) json_object_put(value);
        *r = -ENOMEM;
}

void json_add_base64(int *r, json_object *o, const char *name, const char *s, size_t n) {
        _cleanup_free_ char *encoded = base64_encode(s, n);

        json_add(r, o, name, encoded ? json_object_new_string(encoded) : NULL);
}

void json_add_bytes(int *r, json_object *o, const char *name, const char *base64_name, const char *s, size_t n) {
        if (utf8_is_valid_n(s, n))
                json_add(r, o, name, json_object_new_string_len(s, (int) n));
        else
                json_add_base64(r, o, base64_name, s, n);
}

void json_add_path(int *r, json_object *o, const char *path) {
        json_add_bytes(r, o, "path", "pathBase64", path, strlen(path));
}
