/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What operation.c (whether and when it is done) and operation-verbs.c (what is done) have between them. */

#include "operation.h"

typedef struct OperationVerb {
        AuthorityAction actions;
        bool wants_box; /* which must be there, if one is named */

        /* Returns 0 if it has finished or will finish the operation, else a negative errno or a Failure. box: the one
         * that is named, where one is wanted; else NULL. */
        int (*execute)(Operation *o, Box *box, Failure *f);
} OperationVerb;

extern const OperationVerb operation_verbs[_OPERATION_TYPE_MAX];

/* Answers, and frees the operation. r: 0, a negative errno, or f is set. */
void operation_finish(Operation *o, int r, Failure *f);

/* The same with a failure that stays the caller's; NULL: it went well. */
void operation_finish_with(Operation *o, const Failure *f);
