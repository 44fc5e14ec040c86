/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why a request was refused or could not be served: what the interface's errors carry, whatever transport
 * the request came by. A function that can refuse returns 0, a negative errno (ours, and nothing was filled
 * in), or one of these as a positive number with the Failure filled in. */

#include "spec.h"

typedef enum FailureType {
        FAILURE_NONE,
        FAILURE_NO_SUCH_BOX,        /* name */
        FAILURE_BOX_EXISTS,         /* name */
        FAILURE_BOX_BUSY,           /* name */
        FAILURE_NO_SUCH_RUN,        /* number */
        FAILURE_NO_SUCH_FILE,       /* name */
        FAILURE_FILE_ERROR,         /* name, error, message */
        FAILURE_LIMIT_OUT_OF_RANGE, /* name, message */
        FAILURE_QUOTA_EXCEEDED,     /* name, number */
        FAILURE_NOT_SUPPORTED,      /* missing, message */
        FAILURE_INTERNAL,           /* step, error, message */
        FAILURE_PERMISSION_DENIED,
        FAILURE_ASK_BUS, /* message */
        FAILURE_INVALID_PARAMETER,  /* name, message */
        _FAILURE_TYPE_MAX,
} FailureType;

typedef struct Failure {
        FailureType type;
        char *name;    /* the box, path, field or resource */
        char *message; /* one sentence for people */
        Step step;
        int error; /* positive errno */
        uint64_t number;
        char **missing;
} Failure;

#define FAILURE_NULL (Failure) {}

void failure_done(Failure *f);

/* Each fills in and returns the type. Names and messages are copies; where memory ran out they stay NULL. */
int failure_set(Failure *f, FailureType type, const char *name);
int failure_set_message(Failure *f, FailureType type, const char *name, const char *format, ...) _printf_(4, 5);
int failure_set_number(Failure *f, FailureType type, const char *name, uint64_t number);
int failure_set_file(Failure *f, const char *path, int error);
int failure_set_internal(Failure *f, Step step, int error);

/* A field of a request: "limits.memoryBytes". */
int failure_set_field(Failure *f, const char *field, const char *format, ...) _printf_(3, 4);

/* A copy; before the name of a field comes the prefix. */
void failure_copy(Failure *f, const Failure *from, const char *prefix);

/* What a function with this contract returned, as a Failure in any case: true if there is one. */
bool failure_take(Failure *f, int r);
