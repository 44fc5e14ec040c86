/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: makes itself more important than others
 * Barrier: no-capabilities
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/resource.h>

ATTACK(priority) {
        bool worked;

        worked = tried("setpriority", setpriority(PRIO_PROCESS, 0, -20));
        worked |= tried("nice", nice(-1) == -1 && errno != 0 ? -1 : 0);
        /* IOPRIO_WHO_PROCESS, IOPRIO_CLASS_RT */
        worked |= tried("ioprio_set", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
        return outcome(worked);
}
