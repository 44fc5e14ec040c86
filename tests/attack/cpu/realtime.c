/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: asks for a real-time class, in which it would have the CPU before everybody else
 * Barrier: no-capabilities
 * Verdict: runtime-error */
#include "attack.h"
#include <sched.h>

ATTACK(realtime) {
        struct sched_param p = { .sched_priority = 1 };
        struct {
                uint32_t size, policy;
                uint64_t flags;
                int32_t nice;
                uint32_t priority;
                uint64_t runtime, deadline, period;
        } deadline = {
                .size = 48,
                .policy = SCHED_DEADLINE,
                .runtime = 1000000,
                .deadline = 2000000,
                .period = 2000000,
        };
        bool worked;

        worked = tried("SCHED_FIFO", sched_setscheduler(0, SCHED_FIFO, &p));
        worked |= tried("SCHED_RR", sched_setscheduler(0, SCHED_RR, &p));
        worked |= tried("SCHED_DEADLINE", syscall(SYS_sched_setattr, 0, &deadline, 0));
        return outcome(worked);
}
