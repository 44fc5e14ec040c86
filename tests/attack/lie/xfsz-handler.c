/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: goes on when it is told that its file is too large, and floods its standard output
 * Barrier: output-limit
 * Options: --output-size=64K --file-size=64K
 * Verdict: output-limit
 * Trace: output */
#include "attack.h"

static void go_on(int number) {
}

ATTACK(xfsz_handler) {
        char block[1000] = {};

        (void) signal(SIGXFSZ, go_on);
        for (int i = 0; i < 1000; i++)
                (void) !write(STDOUT_FILENO, block, sizeof(block));
        return SUCCEEDED;
}
