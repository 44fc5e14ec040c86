/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: writes a file of 1 MiB where 100 KiB are allowed
 * Barrier: file-size-limit
 * Options: --file-size=100K
 * Verdict: output-limit
 * Without: --file-size=2M */
#include "attack.h"

ATTACK(big_file) {
        static char block[4096];
        int fd;

        fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return broken("open");
        for (int i = 0; i < 256; i++)
                if (write(fd, block, sizeof(block)) < 0)
                        return outcome(tried("write", -1));
        return SUCCEEDED;
}
