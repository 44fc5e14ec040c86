/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What judgebox-init was told of a run's system calls by its filter, and other things about a run that have no fixed
 * size. */

#include <sys/types.h>

#include "path-call.h"

/* The call that ended the run. The number is that of its architecture. */
typedef struct Violation {
        uint32_t architecture; /* AUDIT_ARCH_*; 0: there was none, or which one it was is not known */
        int32_t number;
        uint64_t arguments[6];
} Violation;

/* A path that was named, in this class by this call, of the machine's own architecture. */
typedef struct TraceEntry {
        PathClass class;
        int number;
        uint64_t count;
        char *path; /* as the program gave it: perhaps relative, perhaps no UTF-8 */
} TraceEntry;

/* The list ends here, whatever a program does: a reply has room for it, were every byte of a path escaped. */
#define TRACE_ENTRIES_MAX 2048U
#define TRACE_BYTES_MAX (64U * 1024U)

typedef struct Observed {
        char *path; /* of the violation, or of the rule that could not be made (STEP_ALLOWED_PATH); or NULL */
        TraceEntry *trace;    /* in the order in which they first came */
        size_t n_trace;
        uint64_t trace_dropped; /* calls for which there was no room */
        bool traced;            /* the trace was asked for and made */
} Observed;

void observed_done(Observed *o);
