/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: fills 128 MiB of heap where 64 MiB are allowed
 * Barrier: memory-limit
 * Options: -m 64M
 * Verdict: memory-limit
 * Evidence: oomKills>=1
 * Without: -m 256M */
#include "attack.h"

ATTACK(heap) {
        for (int i = 0; i < 128; i++) {
                void *p;

                p = malloc(1 << 20);
                if (!p)
                        return outcome(tried("malloc", -1));
                memset(p, 1, 1 << 20);
        }

        return SUCCEEDED;
}
