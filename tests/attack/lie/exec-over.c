/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: computes for most of its time, then becomes another program that does the same
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit
 * Without: -t 10 -w 60 */
#include "attack.h"

ATTACK(exec_over) {
        char *again[] = { argv[0], (char *) "again", NULL };

        burn(150);
        if (argc > 1)
                return SUCCEEDED;
        (void) execv("/proc/self/exe", again);
        return broken("execv");
}
