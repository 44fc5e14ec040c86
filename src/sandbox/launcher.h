/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* The second life of judgebox-init: cloned by the cradle into the box's namespaces, but not as PID 1. Waits until
 * judgeboxd says that it is in the box's cgroup, roots the cgroup namespace there and makes PID 1 of the box in
 * supervisor/, which tells judgeboxd its pidfd. PID 1 is judgeboxd's own child, not ours (CLONE_PARENT).
 *
 * Returns true in PID 1, false in the launcher, which then has nothing left to do; what went wrong was told to
 * judgeboxd. */
bool launcher_run(void);
