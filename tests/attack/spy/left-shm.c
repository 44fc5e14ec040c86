/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves System V objects for the box's next run to find
 * Barrier: between-runs
 * Phases: leave look
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

ATTACK(left_shm) {
        int flags = strcmp(argv[1], "leave") == 0 ? IPC_CREAT | 0600 : 0;
        bool worked;

        worked = tried("shmget", shmget(4711, flags ? 4096 : 0, flags));
        worked |= tried("semget", semget(4711, flags ? 1 : 0, flags));
        worked |= tried("msgget", msgget(4711, flags));
        return outcome(worked);
}
