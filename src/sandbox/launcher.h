/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* The first life of judgebox-init: started by judgeboxd in the box's cgroup and namespaces, but not as PID 1.
 * Roots the cgroup namespace here and makes PID 1 of the box in the cgroup that JUDGEBOX_INIT_CGROUP_FD names, which
 * tells judgeboxd its pidfd. PID 1 is judgeboxd's own child, not ours (CLONE_PARENT).
 *
 * Returns true in PID 1, false in the launcher, which then has nothing left to do; what went wrong was told to
 * judgeboxd. */
bool launcher_run(void);
