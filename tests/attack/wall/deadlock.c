/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: two threads each wait for what the other one has
 * Barrier: idle-limit
 * Options: --idle-time=0.3 -w 60
 * Verdict: idle-limit */
#include "attack.h"
#include <pthread.h>

static pthread_mutex_t locks[2] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER };
static pthread_barrier_t both;

static void *lock(void *arg) {
        size_t first = arg ? 1 : 0;

        (void) pthread_mutex_lock(locks + first);
        (void) pthread_barrier_wait(&both);
        (void) pthread_mutex_lock(locks + 1 - first);
        return NULL;
}

ATTACK(deadlock) {
        pthread_t t;

        if (pthread_barrier_init(&both, NULL, 2) != 0 || pthread_create(&t, NULL, lock, argv) != 0)
                return BROKEN;
        (void) lock(NULL);
        return SUCCEEDED;
}
