/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json-build.h"
#include "spec.h"

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

static json_object *base64_to_json(const char *s, size_t n) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        _cleanup_free_ char *buf = NULL;
        char *p;

        p = buf = new(char, (n + 2) / 3 * 4);
        if (!buf)
                return NULL;

        for (size_t i = 0; i < n; i += 3) {
                uint32_t v = 0;

                for (size_t k = 0; k < 3; k++)
                        v = v << 8 | (i + k < n ? (uint8_t) s[i + k] : 0);
                for (size_t k = 0; k < 4; k++)
                        *p++ = i + k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
        }

        return json_object_new_string_len(buf, (int) (p - buf));
}

void json_add_base64(int *r, json_object *o, const char *name, const char *s, size_t n) {
        json_add(r, o, name, base64_to_json(s, n));
}
