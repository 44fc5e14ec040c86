/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: naps for two seconds, and turns over in its sleep once
 * Barrier: idle-limit
 * Options: --idle-time=0.3 -w 60
 * Verdict: idle-limit
 * Without: -w 60 */
#include "attack.h"

ATTACK(naps) {
        nap(1000);
        nap(1000);
        return SUCCEEDED;
}
