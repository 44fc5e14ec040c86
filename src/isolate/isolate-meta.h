/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What isolate says of a run: in its meta file, with its keys alone, and on standard error. */

#include "json-util.h"

typedef struct IsolateVerdict {
        char *meta;      /* the file */
        char *sentence;  /* for standard error; without a newline */
        int exit_status; /* ours */
} IsolateVerdict;

/* From the service's Result. control_groups: --cg was given, without which isolate tells of none. */
int isolate_verdict_make(json_object *result, bool control_groups, IsolateVerdict *ret);

/* Where a signal came meanwhile. result: what the run had used; NULL if nobody can say. */
int isolate_verdict_make_interrupted(json_object *result, bool control_groups, int number, IsolateVerdict *ret);

void isolate_verdict_done(IsolateVerdict *v);
