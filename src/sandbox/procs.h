/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

/* Calls visit for every process listed in a cgroup.procs (an open descriptor) that can be seen from here. Returns 0,
 * or a negative errno if it could not be read. */
int procs_for_each(int procs_fd, void (*visit)(pid_t pid, void *userdata), void *userdata);
