/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: looks for descriptors that were left open for it
 * Barrier: descriptors
 * Verdict: runtime-error */
#include "attack.h"

ATTACK(inherited) {
        bool found = false;

        for (int i = 3; i < 65536; i++)
                if (fcntl(i, F_GETFD) >= 0) {
                        printf("descriptor %i is open\n", i);
                        found = true;
                }
        return outcome(found);
}
