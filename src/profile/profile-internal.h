/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "profile.h"

/* Sternest first: where several match a call, the first holds. */
typedef enum ActionType {
        ACTION_KILL,   /* the whole process, and with it the run */
        ACTION_REPORT, /* judgebox-init is told, and ends the run */
        ACTION_TRAP,
        ACTION_ERRNO,
        ACTION_LOG,
        ACTION_ALLOW,
        _ACTION_TYPE_MAX,
        _ACTION_TYPE_INVALID = -EINVAL,
} ActionType;

typedef struct Action {
        ActionType type;
        uint16_t error; /* ERRNO */
} Action;

/* Finds what the format calls this. Returns -EINVAL for a name that it does not have. */
int action_from_string(const char *s, Action *ret);

/* "allow", "errno": as judgectl shows it. */
const char *action_type_to_string(ActionType t);

/* What a filter returns for it. */
uint32_t action_to_return(Action a);

typedef enum CompareType {
        COMPARE_NE,
        COMPARE_LT,
        COMPARE_LE,
        COMPARE_EQ,
        COMPARE_GE,
        COMPARE_GT,
        COMPARE_MASKED_EQ, /* (argument & value) == value2, which has no other bits than value */
        _COMPARE_TYPE_MAX,
        _COMPARE_TYPE_INVALID = -EINVAL,
} CompareType;

CompareType compare_type_from_string(const char *s);

#define SYSCALL_ARGUMENTS_MAX 6U

typedef struct Condition {
        unsigned argument;
        CompareType compare;
        uint64_t value, value2;
} Condition;

/* For one system call. It matches if all conditions do. */
typedef struct ProfileRule {
        uint32_t nr;
        Action action;
        size_t order; /* among equally stern ones, the first in the file */
        Condition conditions[SYSCALL_ARGUMENTS_MAX];
        size_t n_conditions;
} ProfileRule;

struct Profile {
        char *description;
        bool admin_only;
        Action default_action;
        Action foreign_action; /* of another architecture's calls */
        ProfileRule *rules; /* by number; those with conditions before those without; sternest first */
        size_t n_rules, n_allocated;
        char **remarks;
};

/* Looks a name up for this machine's architecture. Returns 0, -ENOENT if such a call exists, but not here, or
 * -EINVAL if nobody knows it. */
int syscall_from_name(const char *name, uint32_t *ret);

/* The other way; NULL: out of memory. */
char *syscall_to_name(uint32_t nr);

/* Whether seccomp's format knows this architecture ("SCMP_ARCH_X86_64"). */
bool architecture_is_known(const char *name);

/* Whether this is the machine's own, as Docker's files name them ("amd64"). */
bool architecture_is_native(const char *name);
