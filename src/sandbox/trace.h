/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The paths that a traced run named, each once for a class and a call. However many the program thinks of, the list and
 * what it costs to look into it stay small: the place of an entry depends on a key that the program does not know. */

#include "observed.h"

typedef struct Trace Trace;

int trace_new(Trace **ret);
Trace *trace_free(Trace *t);
DEFINE_TRIVIAL_CLEANUP_FUNC(Trace *, trace_free);

/* Counts it. What there is no room for, in the list or in memory, counts as dropped. */
void trace_add(Trace *t, PathClass class, int number, const char *path);

/* Hands the entries over. */
void trace_take(Trace *t, Observed *ret);
