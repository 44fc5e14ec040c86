/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON in and out by way of json-c, which is kept from what it gets wrong. */

#include <json-c/json.h>

#include "json-check.h"

/* json_check(), then json-c. A text of `null` gives NULL. The tokener may be NULL, or one that is kept
 * for many texts, made by json_tokener_new_ex() with a depth of at least bounds->depth + 1. */
int json_parse_checked(
                const char *text,
                size_t size,
                const JsonBounds *bounds,
                json_tokener *tokener,
                json_object **ret);

/* Whether json-c can write this object as JSON that json_check() accepts: it would write invalid UTF-8, NaN
 * and infinity as they are. Returns 0, -EILSEQ, -ERANGE or -E2BIG. */
int json_object_check_output(json_object *o, unsigned depth);
