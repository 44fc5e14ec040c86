/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base64.h"
#include "json-util.h"
#include "parse-util.h"
#include "string-util.h"
#include "text-util.h"
#include "utf8.h"

static const char *const json_mode_table[_JSON_MODE_MAX] = {
        [JSON_OFF] = "off",
        [JSON_PRETTY] = "pretty",
        [JSON_SHORT] = "short",
};

DEFINE_STRING_TABLE_LOOKUP(json_mode, JsonMode);

void json_print(json_object *o, JsonMode mode) {
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

        flags |= mode == JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN;
        (void) puts(json_object_to_json_string_ext(o, flags));
}

int json_add(json_object *o, const char *key, json_object *value) {
        _cleanup_json_ json_object *v = value;

        assert(o);
        assert(key);

        if (!v || json_object_object_add(o, key, v) < 0)
                return -ENOMEM;

        v = NULL;
        return 0;
}

int json_append(json_object *array, json_object *value) {
        _cleanup_json_ json_object *v = value;

        assert(array);

        if (!v || json_object_array_add(array, v) < 0)
                return -ENOMEM;

        v = NULL;
        return 0;
}

int json_add_string(json_object *o, const char *key, const char *value) {
        assert(value);

        return utf8_is_valid_n(value, strlen(value)) ? json_add(o, key, json_object_new_string(value)) : -EILSEQ;
}

int json_add_path(json_object *o, const char *path) {
        _cleanup_free_ char *encoded = NULL;
        int r;

        r = json_add_string(o, "path", path);
        if (r != -EILSEQ)
                return r;

        encoded = base64_encode(path, strlen(path));
        return encoded ? json_add_string(o, "pathBase64", encoded) : -ENOMEM;
}

int json_add_uint64(json_object *o, const char *key, uint64_t value) {
        return value <= INT64_MAX ? json_add(o, key, json_object_new_int64((int64_t) value)) : -ERANGE;
}

int json_add_boolean(json_object *o, const char *key, bool value) {
        return json_add(o, key, json_object_new_boolean(value));
}

int json_append_string(json_object *array, const char *value) {
        assert(value);

        return utf8_is_valid_n(value, strlen(value)) ? json_append(array, json_object_new_string(value)) : -EILSEQ;
}

int json_add_strv(json_object *o, const char *key, char *const *l, size_t *ret_bad) {
        _cleanup_json_ json_object *array = NULL;
        int r;

        array = json_object_new_array();
        if (!array)
                return -ENOMEM;

        for (size_t i = 0; l && l[i]; i++) {
                r = json_append_string(array, l[i]);
                if (r == -EILSEQ && ret_bad)
                        *ret_bad = i;
                if (r < 0)
                        return r;
        }

        return json_add(o, key, TAKE_PTR(array));
}

static json_object *json_get(json_object *o, const char *key, enum json_type type) {
        json_object *v;

        if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v))
                return NULL;

        return json_object_is_type(v, type) ? v : NULL;
}

const char *json_get_string(json_object *o, const char *key) {
        json_object *v = json_get(o, key, json_type_string);

        return v ? json_object_get_string(v) : NULL;
}

json_object *json_get_object(json_object *o, const char *key) {
        return json_get(o, key, json_type_object);
}

json_object *json_get_array(json_object *o, const char *key) {
        return json_get(o, key, json_type_array);
}

bool json_get_boolean(json_object *o, const char *key) {
        json_object *v = json_get(o, key, json_type_boolean);

        return v && json_object_get_boolean(v);
}

bool json_get_uint64(json_object *o, const char *key, uint64_t *ret) {
        json_object *v = json_get(o, key, json_type_int);
        const char *s;
        int64_t n;

        assert(ret);

        if (!v) {
                s = json_get_string(o, key);
                return s && parse_uint64(s, ret) >= 0;
        }

        n = json_object_get_int64(v);
        if (n < 0)
                return false;

        *ret = (uint64_t) n;
        return true;
}

char *json_join_strings(json_object *array) {
        _cleanup_strv_free_ char **l = NULL;

        for (size_t i = 0; i < json_object_array_length(array); i++) {
                const char *s = json_object_get_string(json_object_array_get_idx(array, i));

                if (strv_consume(&l, text_escape(strempty(s), strlen(strempty(s)), /* keep_lines= */ false)) < 0)
                        return NULL;
        }

        return strv_join(l, ", ");
}
