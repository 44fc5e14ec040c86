/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: reads the file that its standard output goes to, which may hold more than its own output
 * Barrier: descriptors
 * Verdict: runtime-error */
#include "attack.h"

ATTACK(read_back) {
        char c;

        (void) !write(STDOUT_FILENO, "x", 1);
        (void) lseek(STDOUT_FILENO, 0, SEEK_SET);
        return outcome(tried("read", read(STDOUT_FILENO, &c, 1)));
}
