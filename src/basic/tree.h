/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* Takes away trees of any depth and number, as programs leave them, with two descriptors and no memory. A
 * directory that is not empty is not descended into but moved to a flat one, the trash, on the same
 * mount, where no program can name it; the trash is then emptied directory by directory, and what these
 * hold goes to the trash likewise. So no path is ever walked, nothing is remembered, and each entry is
 * touched a bounded number of times. A program that runs meanwhile can swap what it likes: nothing but
 * single names in open directories is ever removed. */

typedef struct TreeRemoval {
        int trash_fd; /* readable */
        uint64_t *serial; /* of the names in the trash */
        uint64_t steps_left; /* a program that makes files as fast as we remove them must not hold us: -EBUSY */
        uint64_t pause_at; /* with so few steps left it is others' turn: -EAGAIN, and it can be gone on with */
} TreeRemoval;

#define TREE_REMOVAL_NULL (TreeRemoval) { .trash_fd = -EBADF }

void tree_removal_done(TreeRemoval *t);

/* Removes everything in the directory that dir_fd is open on, for reading. */
int tree_clear(TreeRemoval *t, int dir_fd);

/* Removes one entry, whatever it is. It is gone from dir_fd on success, but may be in the trash. */
int tree_remove(TreeRemoval *t, int dir_fd, const char *name);

/* Empties the trash. */
int tree_collect(TreeRemoval *t);
