/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: computes in four threads, none of which uses much
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"
#include <pthread.h>

static void *compute(void *arg) {
        burn(100);
        return arg;
}

ATTACK(threads) {
        pthread_t t[4];

        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                if (pthread_create(t + i, NULL, compute, NULL) != 0)
                        return BROKEN;
        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                (void) pthread_join(t[i], NULL);

        return SUCCEEDED;
}
