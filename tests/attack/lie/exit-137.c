/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: exits as shells say of those who were killed
 * Barrier: evidence
 * Verdict: runtime-error/137 */
#include "attack.h"

ATTACK(exit_137) {
        return 128 + SIGKILL;
}
