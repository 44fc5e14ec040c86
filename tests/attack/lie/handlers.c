/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has every signal end it with success, and computes for ever: whatever tells it of the limit is its way out
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"

static void succeed(int number) {
        _exit(0);
}

ATTACK(handlers) {
        for (int i = 1; i < 65; i++)
                (void) signal(i, succeed);
        spin();
}
