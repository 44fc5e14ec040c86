/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What json-c leaves to its users: building that cannot forget a failed allocation, and reading that takes an
 * absent, null or mistyped field for "not known". */

#include <json-c/json.h>

#include "macro.h"

static inline void json_putp(json_object **o) {
        (void) json_object_put(*o);
        *o = NULL;
}
#define _cleanup_json_ _cleanup_(json_putp)

typedef enum JsonMode {
        JSON_OFF,
        JSON_PRETTY,
        JSON_SHORT,
        _JSON_MODE_MAX,
        _JSON_MODE_INVALID = -EINVAL,
} JsonMode;

const char *json_mode_to_string(JsonMode m);
JsonMode json_mode_from_string(const char *s);

/* Writes one value and a newline to standard output. */
void json_print(json_object *o, JsonMode mode);

/* Add a member or element; the value is taken over, and NULL is a failed allocation: -ENOMEM. */
int json_add(json_object *o, const char *key, json_object *value);
int json_append(json_object *array, json_object *value);

/* -EILSEQ where the text is no UTF-8 and therefore cannot be said in JSON. */
int json_add_string(json_object *o, const char *key, const char *value);
/* A path of the box as "path", or by its bytes as "pathBase64" where they are no UTF-8. */
int json_add_path(json_object *o, const char *path);
/* -ERANGE above INT64_MAX. */
int json_add_uint64(json_object *o, const char *key, uint64_t value);
int json_add_boolean(json_object *o, const char *key, bool value);
int json_append_string(json_object *array, const char *value);

/* An array of strings; -EILSEQ, and in ret_bad which of them, where one is no UTF-8. */
int json_add_strv(json_object *o, const char *key, char *const *l, size_t *ret_bad);

/* NULL, false: absent, null or of another type. */
const char *json_get_string(json_object *o, const char *key);
json_object *json_get_object(json_object *o, const char *key);
json_object *json_get_array(json_object *o, const char *key);
bool json_get_boolean(json_object *o, const char *key);

/* Also takes an integer written as a string, as varlink does beyond 53 bits. */
bool json_get_uint64(json_object *o, const char *key, uint64_t *ret);

/* "a, b, c", escaped for a terminal; NULL when out of memory. */
char *json_join_strings(json_object *array);
