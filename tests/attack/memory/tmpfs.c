/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: fills the box's own storage, which is memory, with 48 MiB where 32 MiB of memory are allowed
 * Barrier: memory-limit
 * Options: -m 32M --storage=128M
 * Verdict: memory-limit
 * Needs: memory
 * Without: -m 256M --storage=128M */
#include "attack.h"

ATTACK(tmpfs) {
        static char block[1 << 20];
        int fd;

        fd = open("/tmp/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return broken("open");
        for (int i = 0; i < 48; i++)
                if (write(fd, block, sizeof(block)) < 0)
                        return outcome(tried("write", -1));

        return SUCCEEDED;
}
