/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves a POSIX message queue for the box's next run to find
 * Barrier: between-runs
 * Phases: leave look
 * Verdict: runtime-error */
#include "attack.h"
#include <mqueue.h>

ATTACK(left_queue) {
        bool leave = strcmp(argv[1], "leave") == 0;
        mqd_t q;

        q = mq_open("/left", O_RDWR | (leave ? O_CREAT : 0), 0600, NULL);
        if (leave)
                return 0;
        return outcome(tried("mq_open", q));
}
