/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* isolate's directory rules: which directory outside is seen where inside. A rule replaces an earlier one for the same
 * place, which keeps its turn. */

#include "macro.h"

typedef enum DirFlags {
        DIR_RW = 1 << 0,
        DIR_NOEXEC = 1 << 1,
        DIR_FS = 1 << 2,    /* outside is the name of a file system */
        DIR_MAYBE = 1 << 3, /* not if outside does not exist */
        DIR_DEV = 1 << 4,
        DIR_TMP = 1 << 5, /* outside is made in the box's directory */
        DIR_NOREC = 1 << 6,
} DirFlags;

typedef struct DirRule {
        char *inside;  /* without a slash in front */
        char *outside; /* absolute, or in the box's directory ("./box"); NULL: nothing is seen there */
        DirFlags flags;
        bool is_default;
} DirRule;

typedef struct DirRules {
        DirRule *items;
        size_t n;
} DirRules;

/* "in=out:options", "dir:options" or "in=". -EINVAL for what is none of these. */
int dir_rules_add(DirRules *l, const char *text, bool is_default);

/* The first option of such a text that there is not: 1; 0 if all are. */
int dir_rule_find_unknown(const char *text, char **ret);

int dir_rules_add_defaults(DirRules *l);
void dir_rules_done(DirRules *l);

/* What a place shows: a rule in force, or NULL. */
const DirRule *dir_rules_find(const DirRules *l, const char *inside, bool with_defaults);

/* Whether the directories of the system are those of isolate's default. */
bool dir_rules_have_system(const DirRules *l, bool with_defaults);
bool dir_rule_is_system(const DirRule *r);
