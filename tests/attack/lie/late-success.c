/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: uses up more CPU time than it has in a child, and ends with success before anybody looks
 * Barrier: cpu-limit
 * Options: -t 0.1 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"

ATTACK(late_success) {
        if (fork() == 0) {
                burn(110);
                _exit(0);
        }
        (void) wait(NULL);
        return 0;
}
