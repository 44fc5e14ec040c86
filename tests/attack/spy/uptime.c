/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: learns how long the host has been up, by which boxes can be told to be on one host
 * Barrier: time-namespace
 * Arguments: {uptime}
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/sysinfo.h>

ATTACK(uptime) {
        unsigned long up = strtoul(argv[1], NULL, 10), seconds[3];
        struct timespec monotonic, boot;
        struct sysinfo s;
        bool near = false;

        if (clock_gettime(CLOCK_MONOTONIC, &monotonic) < 0 || clock_gettime(CLOCK_BOOTTIME, &boot) < 0 ||
            sysinfo(&s) < 0)
                return broken("clock_gettime");

        seconds[0] = (unsigned long) monotonic.tv_sec;
        seconds[1] = (unsigned long) boot.tv_sec;
        seconds[2] = (unsigned long) s.uptime;
        for (size_t i = 0; i < ELEMENTSOF(seconds); i++) {
                printf("%lu s\n", seconds[i]);
                near = near || (seconds[i] + 10 > up && seconds[i] < up + 10);
        }
        return outcome(near);
}
