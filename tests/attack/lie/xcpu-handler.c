/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: goes on when it is told that its CPU time is used up
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"

static void go_on(int number) {
}

ATTACK(xcpu_handler) {
        (void) signal(SIGXCPU, go_on);
        (void) signal(SIGALRM, SIG_IGN);
        (void) signal(SIGTERM, SIG_IGN);
        spin();
}
