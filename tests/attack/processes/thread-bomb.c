/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: starts 64 threads where 16 processes are allowed
 * Barrier: process-limit
 * Options: -p 16
 * Verdict: runtime-error
 * Evidence: processLimitHits>=1
 * Without: -p 128 */
#include "attack.h"
#include <pthread.h>

static void *wait_here(void *arg) {
        sleep_forever();
        return arg;
}

ATTACK(thread_bomb) {
        for (int i = 0; i < 64; i++) {
                pthread_t t;

                errno = pthread_create(&t, NULL, wait_here, NULL);
                if (errno != 0)
                        return outcome(tried("pthread_create", -1));
        }

        return SUCCEEDED;
}
