/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has memory without a name allocated for it, without touching any, where 32 MiB are allowed
 * Barrier: memory-limit
 * Options: -m 32M
 * Verdict: memory-limit
 * Needs: memory */
#include "attack.h"
#include <sys/mman.h>

ATTACK(memfd_fallocate) {
        int fd;

        fd = memfd_create("hidden", MFD_CLOEXEC);
        if (fd < 0)
                return broken("memfd_create");

        return outcome(tried("fallocate", fallocate(fd, 0, 0, 48 << 20)));
}
