/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* A launcher that dies between making PID 1 of the box and saying so (by the hand of an administrator, or of the
 * OOM killer) leaves a child of ours that we do not know. It is found by its uid, which no other box has. Kills it;
 * returns a pidfd by which it can be waited for, or -ESRCH if there is none. */
int box_stray_kill(uid_t uid_base);
