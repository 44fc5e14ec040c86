/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The fields of a method's parameters, whose types were checked against the interface before (request.h). Of a field
 * that is absent a getter writes nothing, so what was there before stays as the default. */

#include "request.h"

/* The full name of a field, as a refusal has it: "settings.binds[15].sourceFileDescriptor". */
#define FIELD_SIZE 96

/* NULL: absent. */
json_object *field_get(json_object *o, const char *name);

/* Absent is false. */
bool field_get_boolean(json_object *o, const char *name);

/* Returns whether it is there. A negative number comes out beyond every limit there is. */
bool field_get_uint64(json_object *o, const char *name, uint64_t *ret);

/* Copies. 0 or -ENOMEM. */
int field_get_string(json_object *o, const char *name, char **ret);
int field_get_strv(json_object *o, const char *name, char ***ret);

/* A path of the box: `path` as it is, or `pathBase64`, which must be one that a box can have. prefix: what comes before
 * the name of these fields, such as "inFiles[0].". */
int field_get_path(json_object *o, const char *prefix, char **ret, Failure *f);

/* The path of the box whose bytes are encoded in this string. field: what it is called. */
int field_decode_path(json_object *encoded, const char *field, char **ret, Failure *f);

/* The descriptor at this index, the caller's from now on. */
int field_take_fd(json_object *index, const RequestFds *fds, const char *field, int *ret, Failure *f);

/* Refuses an array that has more than max elements. */
int field_refuse_many(Failure *f, const char *field, unsigned max);
