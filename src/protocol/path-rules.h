/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a run may do with which paths of its box, where that is to be less than the box itself allows. Without a rule
 * there is no such restriction. With one, what no rule is about can be looked at by its name, as stat(2) does, but not
 * opened. A rule is about a path and all below it, and rules add up: none takes away what another gives. */

#include "macro.h"

#define PATH_RULES_MAX 32U

typedef struct PathRule {
        char *path;    /* absolute, or below BOX_DIRECTORY */
        bool read;     /* open files for reading, list directories */
        bool write;    /* open files for writing; make, rename and remove */
        bool execute;  /* execute files, for which the kernel has to read them */
        bool optional; /* there may be nothing */
} PathRule;

typedef struct PathRules {
        PathRule *rules;
        size_t n;
} PathRules;

void path_rules_done(PathRules *l);
int path_rules_copy(const PathRules *l, PathRules *ret);

/* A copy of the rule. -E2BIG beyond PATH_RULES_MAX. */
int path_rules_add(PathRules *l, const PathRule *rule);

/* A rule that gives nothing in a place where, by name, another does: true, and both. Whoever wrote that meant an
 * exception, which there is none. */
bool path_rules_contradict(const PathRules *l, size_t *ret_exception, size_t *ret_other);
