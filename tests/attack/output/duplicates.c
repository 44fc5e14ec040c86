/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: floods its standard output through a hundred copies of it, from ten processes
 * Barrier: output-limit
 * Options: --output-size=64K
 * Verdict: output-limit
 * Trace: output, process */
#include "attack.h"

ATTACK(duplicates) {
        char block[1024] = {};

        ignore_all_signals();
        for (int i = 0; i < 9; i++)
                if (fork() == 0)
                        break;
        for (;;) {
                int fd;

                fd = dup(STDOUT_FILENO);
                if (fd >= 100)
                        (void) close(fd);
                (void) !write(fd, block, sizeof(block));
        }
}
