/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: flees from whoever would kill it: every child forks the next one and ends
 * Barrier: end-of-run
 * Verdict: ok
 * Trace: process */
#include "attack.h"

ATTACK(runaway) {
        pid_t pid;

        pid = fork();
        if (pid < 0)
                return broken("fork");
        while (pid == 0) {
                if (fork() > 0)
                        _exit(0);
        }

        nap(50);
        return 0;
}
