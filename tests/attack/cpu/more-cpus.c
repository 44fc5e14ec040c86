/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: runs on CPUs that it was not given
 * Barrier: cpu-set
 * Options: --cpu-set=0
 * Verdict: runtime-error
 * Needs: cpuset
 * Without: --cpu-set=0-1 */
#include "attack.h"
#include <sched.h>

ATTACK(more_cpus) {
        cpu_set_t all, got;

        memset(&all, 0xff, sizeof(all));
        (void) sched_setaffinity(0, sizeof(all), &all);
        if (sched_getaffinity(0, sizeof(got), &got) < 0)
                return broken("sched_getaffinity");

        printf("%i CPUs\n", CPU_COUNT(&got));
        return outcome(CPU_COUNT(&got) > 1);
}
