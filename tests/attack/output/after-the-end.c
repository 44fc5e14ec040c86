/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has a child wait for its end, and then flood its standard output
 * Barrier: end-of-run, output-limit
 * Options: --output-size=64K
 * Verdict: ok output-limit
 * Trace: output, process */
#include "attack.h"

ATTACK(after_the_end) {
        pid_t parent = getpid();

        if (fork() > 0)
                return 0;

        ignore_all_signals();
        while (getppid() == parent)
                ;
        for (;;) {
                char block[1024] = {};

                (void) !write(STDOUT_FILENO, block, sizeof(block));
        }
}
