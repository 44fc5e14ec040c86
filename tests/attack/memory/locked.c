/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: locks 128 MiB in memory, so that nobody can take them back
 * Barrier: memory-limit
 * Options: -m 64M
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/mman.h>

ATTACK(locked) {
        void *p;

        p = mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return broken("mmap");

        return outcome(tried("mlock", mlock(p, 128 << 20)));
}
