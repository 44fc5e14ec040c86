/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: fills 4 MiB of storage with small files, deleting each and keeping it open, where there is room for 1 MiB
 * Barrier: storage-limit
 * Options: --storage=1M
 * Verdict: runtime-error */
#include "attack.h"

ATTACK(many_files) {
        static char block[65536];

        for (int i = 0; i < 64; i++) {
                int fd;

                fd = open("/dev/shm/file", O_WRONLY | O_CREAT | O_EXCL, 0600);
                if (fd < 0)
                        return outcome(tried("open", -1));
                (void) unlink("/dev/shm/file");
                if (write(fd, block, sizeof(block)) != sizeof(block))
                        return outcome(tried("write", -1));
        }
        return SUCCEEDED;
}
