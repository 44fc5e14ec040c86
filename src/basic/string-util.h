/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "macro.h"

#define streq(a, b) (strcmp((a), (b)) == 0)

static inline bool streq_ptr(const char *a, const char *b) {
        return a && b ? streq(a, b) : !a && !b;
}

static inline bool isempty(const char *s) {
        return !s || s[0] == '\0';
}

static inline const char *strna(const char *s) {
        return s ?: "n/a";
}

static inline const char *strempty(const char *s) {
        return s ?: "";
}

#define yes_no(b) ((b) ? "yes" : "no")

/* What follows the prefix, or NULL. */
static inline char *startswith(const char *s, const char *prefix) {
        size_t l = strlen(prefix);

        return strncmp(s, prefix, l) == 0 ? (char *) s + l : NULL;
}

/* Where the suffix begins, or NULL. */
static inline char *endswith(const char *s, const char *suffix) {
        size_t a = strlen(s), b = strlen(suffix);

        return a >= b && streq(s + a - b, suffix) ? (char *) s + a - b : NULL;
}

/* asprintf() that returns the string, or NULL when out of memory. */
char *strprintf(const char *format, ...) _printf_(1, 2);

/* Replaces *p with a copy of s (or NULL). Returns -ENOMEM and leaves *p alone if that fails. */
int free_and_strdup(char **p, const char *s);

/* A NULL-terminated array of strings, owned by whoever holds it. */
char **strv_free(char **l);
DEFINE_TRIVIAL_CLEANUP_FUNC(char **, strv_free);
#define _cleanup_strv_free_ _cleanup_(strv_freep)

size_t strv_length(char *const *l);
char **strv_copy(char *const *l);
bool strv_contains(char *const *l, const char *s);

/* Appends; on failure the list is as it was. */
int strv_extend(char ***l, const char *value);
int strv_extendf(char ***l, const char *format, ...) _printf_(2, 3);
int strv_consume(char ***l, char *value);

/* Cuts at every one of the separator characters; empty pieces are kept. */
int strv_split(const char *s, const char *separators, char ***ret);
char *strv_join(char *const *l, const char *separator);

#define STRV_FOREACH(s, l) \
        for (typeof(*(l)) *s = (l); s && *s; s++)

/* Enum <-> string tables: `name##_to_string` gives NULL for an unknown value, `name##_from_string` -EINVAL. */
#define DEFINE_STRING_TABLE_LOOKUP(name, type)                                                  \
        const char *name##_to_string(type i) {                                                  \
                return i >= 0 && i < (type) ELEMENTSOF(name##_table) ? name##_table[i] : NULL;  \
        }                                                                                       \
        type name##_from_string(const char *s) {                                                \
                if (s)                                                                          \
                        for (size_t i = 0; i < ELEMENTSOF(name##_table); i++)                   \
                                if (name##_table[i] && streq(name##_table[i], s))               \
                                        return (type) i;                                        \
                return (type) -EINVAL;                                                          \
        }
