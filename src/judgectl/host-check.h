/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Is this host fit for judging? Reads /proc and /sys only, below a directory of the caller's choice, and changes
 * nothing. */

#include "macro.h"

typedef enum CheckState {
        CHECK_OK,
        CHECK_WARNING, /* judging works, but measures less exactly or less repeatably */
        CHECK_BAD,     /* limits cannot be enforced, or no box can be made */
        _CHECK_STATE_MAX,
        _CHECK_STATE_INVALID = -EINVAL,
} CheckState;

const char *check_state_to_string(CheckState s);
CheckState check_state_from_string(const char *s);

typedef struct Check {
        const char *name;
        CheckState state;
        char *value;        /* what was found, printable */
        const char *advice; /* one line; NULL where all is well */
} Check;

#define CHECKS_MAX 16U

typedef struct Checks {
        Check checks[CHECKS_MAX];
        size_t n_checks;
} Checks;

void checks_done(Checks *c);

/* Appends; the value is taken over, NULL is -ENOMEM. */
int checks_add(Checks *c, const char *name, CheckState state, char *value, const char *advice);

/* The worst of all. */
CheckState checks_state(const Checks *c);

/* root_fd: what to take for "/". -ENOMEM is the only failure: a file that cannot be read is a finding. */
int check_host(int root_fd, Checks *ret);
