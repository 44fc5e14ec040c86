/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a profile's JSON is read: by tables of fields, each with what reads it. */

#include "json-parse.h"
#include "profile-internal.h"

typedef struct Reader {
        Profile *profile;
        char place[96]; /* the rule, or the part of one, in hand: "syscalls[3]." */
        char *error;
} Reader;

typedef int (*read_t)(Reader *p, const char *field, json_object *v, void *userdata);

typedef struct Field {
        const char *name;
        read_t read; /* NULL: anything goes, and nothing comes of it */
        void *userdata;
} Field;

/* Says what is wrong. Returns -EINVAL, or -ENOMEM where not even that can be said. */
int reader_fail(Reader *p, const char *format, ...) _printf_(2, 3);
int reader_fail_type(Reader *p, const char *field, const char *wanted);

/* A null is as good as nothing: Docker's files have many. A field that is not in the table is an error: it may be
 * another one misspelled. */
int read_fields(Reader *p, json_object *o, const Field *fields, size_t n);

/* Calls `read` for each element, which has this type, with a name such as "names[2]". */
int read_elements(Reader *p, const char *field, json_object *v, json_type type, read_t read, void *userdata);

int read_string(Reader *p, const char *field, json_object *v, void *userdata);  /* char ** */
int read_boolean(Reader *p, const char *field, json_object *v, void *userdata); /* bool * */
int read_uint64(Reader *p, const char *field, json_object *v, void *userdata);  /* uint64_t * */

/* An action, and the error that may stand in fields of their own beside it. */
typedef struct ActionReader {
        bool given;
        Action action;
        int64_t error; /* -1: not given */
} ActionReader;

#define ACTION_READER_NULL (ActionReader) { .error = -1 }

int read_action(Reader *p, const char *field, json_object *v, void *userdata);     /* ActionReader * */
int read_errno(Reader *p, const char *field, json_object *v, void *userdata);      /* ActionReader * */
int read_errno_name(Reader *p, const char *field, json_object *v, void *userdata); /* ActionReader * */
Action action_reader_finish(const ActionReader *a);

/* The list "syscalls". Adds to the profile's rules, in the order of the file. */
int read_rules(Reader *p, const char *field, json_object *v, void *userdata);
