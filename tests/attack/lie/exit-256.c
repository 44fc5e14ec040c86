/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: exits with a status of which the lower eight bits are those of success
 * Barrier: evidence
 * Verdict: ok
 * Evidence: exitStatus=0 */
#include "attack.h"

ATTACK(exit_256) {
        /* The kernel itself keeps no more of it: there is nothing to tell it by. */
        (void) syscall(SYS_exit_group, 256);
        return REFUSED;
}
