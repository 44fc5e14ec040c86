/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: hands the work on: each process computes a little, forks the next and ends
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit
 * Trace: process */
#include "attack.h"

ATTACK(relay) {
        if (fork() > 0)
                sleep_forever();

        for (;;) {
                burn(10);
                if (fork() > 0)
                        _exit(0);
        }
}
