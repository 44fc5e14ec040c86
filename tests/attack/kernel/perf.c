/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: counts what the CPU does, by which others can be watched
 * Barrier: seccomp
 * Verdict: runtime-error */
#include "attack.h"
#include <linux/perf_event.h>

ATTACK(perf) {
        struct perf_event_attr a = {
                .type = PERF_TYPE_SOFTWARE,
                .size = sizeof(a),
                .config = PERF_COUNT_SW_TASK_CLOCK,
                .exclude_kernel = 1,
        };

        return outcome(tried("perf_event_open", syscall(SYS_perf_event_open, &a, 0, -1, -1, 0)));
}
