/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: computes in the class of those who run when nobody else wants to
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"
#include <sched.h>
#include <sys/resource.h>

ATTACK(idle_class) {
        struct sched_param p = { .sched_priority = 0 };

        (void) sched_setscheduler(0, SCHED_IDLE, &p);
        (void) setpriority(PRIO_PROCESS, 0, 19);
        spin();
}
