/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of ours under names that a box gave us: one component each, no link followed, nothing that could block. */

#include "fd-util.h"

/* Creates or empties a regular file, with the execute bits if asked for, under the umask. -ELOOP for a symbolic
 * link, -EINVAL for anything else that is no regular file or a name that is no single component. */
int host_file_create(int dir_fd, const char *name, bool executable, int *ret_fd);

/* Makes the directory where it is not there yet, and opens it. "." is the directory itself. */
int host_directory_create(int dir_fd, const char *name, int *ret_fd);
