/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: attaches shared memory of the host's, and of other boxes'
 * Barrier: ipc-namespace
 * Arguments: {shm-key}
 * Verdict: runtime-error
 * Trace: secret */
#include "attack.h"
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

ATTACK(other_shm) {
        key_t key = (key_t) strtol(argv[1], NULL, 10);
        bool worked;
        int id;

        id = shmget(key, 0, 0);
        worked = tried("shmget", id);
        if (id >= 0)
                printf("%s\n", (char *) shmat(id, NULL, SHM_RDONLY));
        for (int i = 0; i < 4096; i++)
                if (shmat(i, NULL, SHM_RDONLY) != (void *) -1) {
                        printf("segment %i\n", i);
                        worked = true;
                }
        worked |= tried("msgget", msgget(key, 0));
        worked |= tried("semget", semget(key, 0, 0));
        return outcome(worked);
}
