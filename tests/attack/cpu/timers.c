/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has a timer expire as often as the kernel can, and leaves the computing to the kernel
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"
#include <sys/time.h>

static void on_alarm(int number) {
}

ATTACK(timers) {
        struct itimerval often = { .it_interval = { .tv_usec = 1 }, .it_value = { .tv_usec = 1 } };

        (void) signal(SIGALRM, on_alarm);
        if (setitimer(ITIMER_REAL, &often, NULL) < 0)
                return broken("setitimer");

        for (;;)
                (void) getppid();
}
