/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: computes between the ticks: sleeps whenever a clock that samples would look
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"

ATTACK(tiny_sleeps) {
        struct timespec t = { .tv_nsec = 50000 };

        for (;;) {
                struct timespec now;
                long tick;

                (void) clock_gettime(CLOCK_MONOTONIC, &now);
                tick = now.tv_nsec / 1000000;
                do
                        (void) clock_gettime(CLOCK_MONOTONIC, &now);
                while (now.tv_nsec / 1000000 == tick && now.tv_nsec % 1000000 < 900000);
                (void) nanosleep(&t, NULL);
        }
}
