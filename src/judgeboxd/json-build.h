/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Adding to json-c objects with one check at the end: out of memory sticks in *r. */

#include <json-c/json.h>

#include "macro.h"

/* Takes value over, also where nothing is added. NULL is out of memory. */
void json_add(int *r, json_object *o, const char *name, json_object *value);

void json_add_string(int *r, json_object *o, const char *name, const char *value);
void json_add_uint64(int *r, json_object *o, const char *name, uint64_t value);
/* RESULT_UNKNOWN is left out. */
void json_add_known(int *r, json_object *o, const char *name, uint64_t value);
void json_add_base64(int *r, json_object *o, const char *name, const char *s, size_t n);
/* For bytes that need not be text: under the one name or, where they are no UTF-8, encoded under the other. */
void json_add_bytes(int *r, json_object *o, const char *name, const char *base64_name, const char *s, size_t n);
/* The same with "path" and "pathBase64". */
void json_add_path(int *r, json_object *o, const char *path);
void json_append(int *r, json_object *array, json_object *value);

static inline void json_putp(json_object **o) {
        (void) json_object_put(*o);
}
#define _cleanup_json_ _cleanup_(json_putp)
