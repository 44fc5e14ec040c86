/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* isolate's meta file: "key:value" lines with its keys and formats only, so that what reads those reads ours. */

#include <json-c/json.h>

#include "macro.h"

typedef struct Meta {
        char *text;         /* the file */
        const char *status; /* RE, SG, TO, or XX for a failure of ours; NULL: it ended well */
        char *message;      /* what isolate says of such an end; NULL likewise */
} Meta;

/* From the service's Result. control_groups: with what only they tell. */
int meta_make(json_object *result, bool control_groups, Meta *ret);

/* Where a signal came meanwhile. result: what the run had used; NULL if nobody can say. */
int meta_make_interrupted(json_object *result, bool control_groups, int number, Meta *ret);

void meta_done(Meta *m);

/* "SIGSEGV" is 11; also SIGRTMIN+n, SIGRTMAX-n, and a number. -EINVAL for what is no signal. */
int signal_from_name(const char *name);
