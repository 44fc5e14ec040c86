/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has its children compute, and disowns them: none is waited for, so none is counted as a child's time
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit
 * Without: -t 10 -w 60 */
#include "attack.h"

ATTACK(children) {
        (void) signal(SIGCHLD, SIG_IGN);

        for (int i = 0; i < 8; i++) {
                if (fork() == 0) {
                        burn(50);
                        _exit(0);
                }
                (void) wait(NULL);
        }

        return SUCCEEDED;
}
