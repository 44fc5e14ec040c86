/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has 16 MiB of storage set aside where there is room for 1 MiB
 * Barrier: storage-limit
 * Options: --storage=1M
 * Verdict: runtime-error
 * Without: --storage=32M */
#include "attack.h"

ATTACK(fallocate) {
        int fd;

        fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return broken("open");
        return outcome(tried("fallocate", fallocate(fd, 0, 0, 16 << 20)));
}
