/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: kills itself by the signal that forbidden system calls end with
 * Barrier: evidence
 * Verdict: signaled/SIGSYS */
#include "attack.h"

ATTACK(fake_violation) {
        (void) raise(SIGSYS);
        return SUCCEEDED;
}
