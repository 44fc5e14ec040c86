/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* Told how far the copy is; a negative return ends it with that error. */
typedef int (*copy_progress_t)(uint64_t done, uint64_t total, void *userdata);

/* Copies a regular file from its beginning into an empty one, holes as holes, so that a sparse file of a box is
 * not worth more of our disk than of the box's. Inside the kernel where it can be. */
int copy_file(int source, int destination, copy_progress_t progress, void *userdata);
