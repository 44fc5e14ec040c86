/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: maps the page of zeros so widely that the page tables take 64 MiB, where 32 MiB are allowed
 * Barrier: memory-limit
 * Options: -m 32M
 * Verdict: memory-limit
 * Needs: memory */
#include "attack.h"
#include <sys/mman.h>

#define COVERED (2UL << 20) /* by a page of the last level */

ATTACK(page_tables) {
        const size_t size = 16384 * COVERED;
        volatile char *p;

        p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED || madvise((void *) p, size, MADV_NOHUGEPAGE) < 0)
                return broken("mmap");
        for (size_t i = 0; i < size; i += COVERED)
                (void) p[i];

        return SUCCEEDED;
}
