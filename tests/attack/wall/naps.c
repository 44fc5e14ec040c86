/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: naps for a second, and turns over in its sleep now and then
 * Barrier: idle-limit
 * Options: --idle-time=0.3 -w 60
 * Verdict: idle-limit
 * Without: -w 60 */
#include "attack.h"

ATTACK(naps) {
        for (int i = 0; i < 10; i++)
                nap(100);
        return SUCCEEDED;
}
