/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: hoards what fills 500 pipes, 32 MiB in the kernel, where 16 MiB are allowed
 * Barrier: memory-limit
 * Options: -m 16M --open-files=1024
 * Verdict: memory-limit
 * Needs: memory */
#include "attack.h"

ATTACK(pipes) {
        static char block[65536];

        for (int i = 0; i < 500; i++) {
                int p[2];

                if (pipe2(p, O_NONBLOCK) < 0)
                        return outcome(tried("pipe", -1));
                if (write(p[1], block, sizeof(block)) < 0)
                        return outcome(tried("write", -1));
        }

        return SUCCEEDED;
}
