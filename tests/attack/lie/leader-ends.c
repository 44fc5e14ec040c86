/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: ends its first thread with success, while another one computes on
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"
#include <pthread.h>

static void *compute(void *arg) {
        spin();
}

ATTACK(leader_ends) {
        pthread_t t;

        if (pthread_create(&t, NULL, compute, NULL) != 0)
                return BROKEN;
        (void) syscall(SYS_exit, 0);
        return REFUSED;
}
