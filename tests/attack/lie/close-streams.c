/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: closes its streams, so that files it opens get their numbers, and writes to those
 * Barrier: evidence
 * Options: --output-size=64K
 * Verdict: ok
 * Evidence: stdoutBytes=0 stderrBytes=0 */
#include "attack.h"

ATTACK(close_streams) {
        static char block[65536];

        for (int i = 0; i < 3; i++)
                (void) close(i);
        for (int i = 0; i < 3; i++)
                if (open("file", O_RDWR | O_CREAT, 0600) != i)
                        return BROKEN;
        for (int i = 0; i < 16; i++)
                (void) !write(i % 3, block, sizeof(block));
        return 0;
}
