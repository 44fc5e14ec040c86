/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: opens its standard output anew by way of /proc, to write where no limit counts
 * Barrier: landlock, output-limit
 * Options: --output-size=64K --file-size=64K
 * Verdict: runtime-error
 * Trace: output */
#include "attack.h"

ATTACK(reopened) {
        static char block[65536];
        int fd;

        fd = open("/proc/self/fd/1", O_WRONLY | O_APPEND | O_CLOEXEC);
        if (fd < 0)
                return outcome(tried("open", -1));

        for (int i = 0; i < 64; i++) {
                (void) !ftruncate(fd, 0);
                if (write(fd, block, sizeof(block)) < 0)
                        return REFUSED;
        }
        return SUCCEEDED;
}
