/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: stops itself, so that it can neither run nor be asked to end
 * Barrier: wall-limit
 * Options: -t 10 -w 0.3
 * Verdict: wall-time-limit */
#include "attack.h"

ATTACK(stopped) {
        (void) raise(SIGSTOP);
        return SUCCEEDED;
}
