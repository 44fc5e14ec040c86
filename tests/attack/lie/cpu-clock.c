/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: sets the clocks that its CPU time might be measured by
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation */
#include "attack.h"
#include <sys/time.h>

ATTACK(cpu_clock) {
        struct timespec zero = {};
        bool worked;

        worked = tried("process clock", clock_settime(CLOCK_PROCESS_CPUTIME_ID, &zero));
        worked |= tried("monotonic clock", clock_settime(CLOCK_MONOTONIC, &zero));
        worked |= tried("thread clock", clock_settime(CLOCK_THREAD_CPUTIME_ID, &zero));
        return outcome(worked);
}
