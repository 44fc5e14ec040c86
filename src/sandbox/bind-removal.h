/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* Takes away a directory with all below it in what a tenant bound, as the program and no more than it may. There is no
 * trash there to move directories to (tree.h), since the mount is the tenant's: so they are walked into, by paths that
 * never leave the directory above, whatever a program does to them meanwhile. */

typedef struct BindRemoval BindRemoval;

/* dir_fd (O_PATH; taken over, also on failure) has the directory of this name. */
int bind_removal_new(int dir_fd, const char *name, BindRemoval **ret);
BindRemoval *bind_removal_free(BindRemoval *b);
DEFINE_TRIVIAL_CLEANUP_FUNC(BindRemoval *, bind_removal_free);

/* A moment's work: 1 if there is more to do, 0 if the directory is gone. -EBUSY if a program makes files as fast as
 * they are removed. */
int bind_removal_step(BindRemoval *b);
