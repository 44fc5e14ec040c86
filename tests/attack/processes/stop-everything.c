/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: stops whatever it can reach, judgebox-init first, then itself
 * Barrier: user-of-its-own, wall-limit
 * Options: -t 10 -w 0.3
 * Verdict: wall-time-limit
 * Trace: process */
#include "attack.h"

ATTACK(stop_everything) {
        if (fork() == 0)
                sleep_forever();

        (void) kill(1, SIGSTOP);
        (void) kill(-1, SIGSTOP);
        (void) raise(SIGSTOP);
        return SUCCEEDED;
}
