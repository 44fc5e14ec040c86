/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* RFC 8259, and no more: what json-c must not be trusted with is refused before it sees it.
 *
 * json-c 0.16 takes single quotes, NaN, raw control characters, overlong UTF-8 and lone surrogates; lets
 * the last of two equal keys win; cuts a key at \u0000; and clamps integers that do not fit. None of that
 * may reach a method, so everything from outside (calls, replies, profiles, recipes) goes through here
 * first. */

#include "macro.h"

#define JSON_CHECK_DEPTH_MAX 64U

/* A text of one byte a value becomes some fifty times as much in json-c's objects. */
#define JSON_CHECK_VALUES_MAX 65536U

typedef struct JsonBounds {
        unsigned depth;  /* nested arrays and objects, at most JSON_CHECK_DEPTH_MAX */
        size_t n_values; /* values of all kinds, containers included */
} JsonBounds;

/* Checks one JSON text (RFC 8259, white space around it allowed), which need not be NUL-terminated. Returns 0,
 * or
 *   -EBADMSG   it is not JSON
 *   -EILSEQ    not UTF-8, a lone surrogate, or \u0000
 *   -ENOTUNIQ  a key occurs twice in an object, escapes resolved
 *   -ERANGE    an integer outside of INT64_MIN to UINT64_MAX, or a number too large for a double
 *   -E2BIG     over the bounds
 *   -ENOMEM
 * and then error_offset (may be NULL) is the byte at which it stopped. */
int json_check(const char *text, size_t size, const JsonBounds *bounds, size_t *error_offset);
