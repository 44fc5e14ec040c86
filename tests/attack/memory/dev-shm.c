/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: fills 128 MiB of POSIX shared memory where 64 MiB are allowed
 * Barrier: memory-limit
 * Options: -m 64M --storage=256M --file-size=256M
 * Verdict: memory-limit */
#include "attack.h"
#include <sys/mman.h>

ATTACK(dev_shm) {
        char *p;
        int fd;

        fd = shm_open("/segment", O_RDWR | O_CREAT, 0600);
        if (fd < 0 || ftruncate(fd, 128 << 20) < 0)
                return broken("shm_open");
        p = mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return broken("mmap");

        memset(p, 1, 128 << 20);
        nap(100);
        return SUCCEEDED;
}
