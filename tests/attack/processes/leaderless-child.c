/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves a child whose first thread has ended, so that signals to that one are lost
 * Barrier: end-of-run
 * Verdict: ok
 * Trace: process */
#include "attack.h"
#include <pthread.h>

static void *stay(void *arg) {
        sleep_forever();
        return arg;
}

ATTACK(leaderless_child) {
        pthread_t t;

        if (fork() == 0) {
                if (pthread_create(&t, NULL, stay, NULL) != 0)
                        return BROKEN;
                (void) syscall(SYS_exit, 0);
        }

        nap(100);
        return 0;
}
