/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: looks for processes by their numbers, with no help from /proc
 * Barrier: pid-namespace
 * Verdict: runtime-error */
#include "attack.h"

ATTACK(other_processes) {
        bool found = false;

        for (pid_t pid = 2; pid < 100000; pid++)
                if (pid != getpid() && (kill(pid, 0) >= 0 || errno != ESRCH)) {
                        printf("process %i\n", pid);
                        found = true;
                }
        return outcome(found);
}
