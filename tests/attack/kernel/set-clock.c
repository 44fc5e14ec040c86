/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: sets the host's clock
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation
 * Trace: clock */
#include "attack.h"
#include <sys/time.h>
#include <sys/timex.h>

ATTACK(set_clock) {
        struct timespec now;
        struct timex t = { .modes = ADJ_TICK, .tick = 10000 };
        struct timeval v;
        bool worked;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        v = (struct timeval) { .tv_sec = now.tv_sec };
        worked = tried("clock_settime", clock_settime(CLOCK_REALTIME, &now));
        worked |= tried("settimeofday", settimeofday(&v, NULL));
        worked |= tried("adjtimex", adjtimex(&t));
        return outcome(worked);
}
