/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: waits for the disk without end, in three processes
 * Barrier: wall-limit
 * Options: -t 10 -w 0.3
 * Verdict: wall-time-limit
 * Trace: process */
#include "attack.h"

ATTACK(fsync) {
        int fd;

        fd = open("file", O_RDWR | O_CREAT | O_SYNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return broken("open");
        (void) !fork();
        (void) !fork();

        for (;;) {
                if (pwrite(fd, "x", 1, 0) < 0 || fsync(fd) < 0)
                        return broken("fsync");
                sync();
                nap(1);
        }
}
