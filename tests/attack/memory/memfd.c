/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: fills memory that has no name and is in no address space, where 32 MiB are allowed
 * Barrier: memory-limit
 * Options: -m 32M
 * Verdict: memory-limit
 * Needs: memory */
#include "attack.h"
#include <sys/mman.h>

ATTACK(memfd) {
        static char block[1 << 20];
        int fd;

        fd = memfd_create("hidden", MFD_CLOEXEC);
        if (fd < 0)
                return broken("memfd_create");
        for (int i = 0; i < 48; i++)
                if (write(fd, block, sizeof(block)) < 0)
                        return outcome(tried("write", -1));

        return SUCCEEDED;
}
