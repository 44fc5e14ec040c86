/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: hoards 64 dead children that nobody reaps
 * Barrier: process-limit
 * Options: -p 16
 * Verdict: runtime-error
 * Evidence: processLimitHits>=1
 * Trace: process */
#include "attack.h"

ATTACK(zombies) {
        for (int i = 0; i < 64; i++) {
                pid_t pid;

                pid = fork();
                if (pid == 0)
                        _exit(0);
                if (pid < 0)
                        return outcome(tried("fork", -1));
        }

        return SUCCEEDED;
}
