/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A run's own rules for paths (path-rules.h), as a second layer of Landlock in front of the box's (root-rules.h): what
 * it may do is what both allow. */

#include "path-rules.h"
#include "root.h"

/* One that allows nothing of what has a path. -EOPNOTSUPP where the kernel has no Landlock. */
int run_rules_new(const Root *root, int *ret_fd);

/* What is at this path now, whatever it is called later. -ENOENT if there is nothing, unless the rule is optional.
 * Links are followed where no program of the box could have made them, else -ELOOP: for what a program can write to,
 * it would not be the caller who says what the rule is about. */
int run_rules_add(int ruleset_fd, const Root *root, const PathRule *rule);

/* A descriptor that the program gets, for what it is open for. */
int run_rules_add_descriptor(int ruleset_fd, int fd);
