/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: computes for ever
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"

ATTACK(spin) {
        spin();
}
