/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: fills segments of System V shared memory, one after the other and none of them kept mapped
 * Barrier: memory-limit
 * Options: -m 32M
 * Verdict: memory-limit
 * Needs: memory */
#include "attack.h"
#include <sys/shm.h>

ATTACK(sysv_shm) {
        for (int i = 0; i < 48; i++) {
                char *p;
                int id;

                id = shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600);
                if (id < 0)
                        return broken("shmget");
                p = shmat(id, NULL, 0);
                if (p == (void *) -1)
                        return broken("shmat");
                memset(p, 1, 1 << 20);
                (void) shmdt(p);
        }

        return SUCCEEDED;
}
