/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: forks without end, every child doing the same
 * Barrier: process-limit, cpu-limit
 * Options: -t 0.2 -w 60 -p 16
 * Verdict: cpu-time-limit
 * Trace: process */
#include "attack.h"

ATTACK(fork_bomb) {
        for (;;)
                (void) fork();
}
