/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: executes itself again and again, so that it is never the same program for long
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"

ATTACK(exec_bomb) {
        (void) execv("/proc/self/exe", argv);
        return broken("execv");
}
