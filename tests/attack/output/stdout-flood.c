/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: floods its standard output
 * Barrier: output-limit
 * Options: --output-size=64K
 * Verdict: output-limit
 * Trace: output
 * Without: --output-size=8M */
#include "attack.h"

ATTACK(stdout_flood) {
        static char block[65536];

        for (int i = 0; i < 64; i++)
                if (write(STDOUT_FILENO, block, sizeof(block)) < 0)
                        return REFUSED;
        return SUCCEEDED;
}
