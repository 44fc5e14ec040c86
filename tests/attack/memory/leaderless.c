/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: ends its first thread and fills 128 MiB in another, where 64 MiB are allowed and the first might be asked
 * Barrier: memory-limit
 * Options: -m 64M
 * Verdict: memory-limit */
#include "attack.h"
#include <pthread.h>

static void *fill(void *arg) {
        void *p;

        nap(50);
        p = malloc(128 << 20);
        if (p)
                memset(p, 1, 128 << 20);
        nap(200);
        _exit(SUCCEEDED);
}

ATTACK(leaderless) {
        pthread_t t;

        if (pthread_create(&t, NULL, fill, NULL) != 0)
                return BROKEN;
        (void) syscall(SYS_exit, 0);
        return REFUSED;
}
