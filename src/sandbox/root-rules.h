/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What Landlock lets programs do with the root of a box: the same as its mounts do, said a second time and in another
 * way. So a program that came by a descriptor of the host's or found a hole in the mounts would have nothing of it. */

#include "landlock.h"
#include "root.h"

/* Makes root->ruleset_fd, -EBADF where the kernel has no Landlock. To be called again whenever something was mounted
 * anew: rules are about the directories themselves, not their names. */
int root_rules_update(Root *root);

/* For a program that is to have these descriptors too: a ruleset that allows them to be opened by their names in
 * /proc/self/fd (/dev/stdin leads there), or -EBADF if root->ruleset_fd does. Where a file is, nobody in the box
 * can say, hence a rule of its own. */
int root_rules_with(const Root *root, const int *fds, size_t n_fds, int *ret_fd);

/* The same in a ruleset that is there, and no more than max. */
int root_rules_allow_descriptor(int ruleset_fd, int fd, LandlockAccess max);
