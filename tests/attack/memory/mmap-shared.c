/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: fills 128 MiB of memory that it shares with its child, where 64 MiB are allowed
 * Barrier: memory-limit
 * Options: -m 64M
 * Verdict: memory-limit */
#include "attack.h"
#include <sys/mman.h>

ATTACK(mmap_shared) {
        char *p;

        p = mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return broken("mmap");
        if (fork() == 0)
                sleep_forever();

        memset(p, 1, 128 << 20);
        return SUCCEEDED;
}
