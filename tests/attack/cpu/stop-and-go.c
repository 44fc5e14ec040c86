/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: stops and continues the child that computes, a hundred times a second
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"

ATTACK(stop_and_go) {
        pid_t pid;

        pid = fork();
        if (pid < 0)
                return broken("fork");
        if (pid == 0)
                spin();

        for (;;) {
                (void) kill(pid, SIGSTOP);
                nap(1);
                (void) kill(pid, SIGCONT);
                nap(9);
        }
}
