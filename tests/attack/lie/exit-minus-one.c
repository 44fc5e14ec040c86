/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: exits with a status below 0
 * Barrier: evidence
 * Verdict: runtime-error/255 */
#include "attack.h"

ATTACK(exit_minus_one) {
        return -1;
}
