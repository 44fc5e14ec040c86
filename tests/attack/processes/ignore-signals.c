/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: ignores every signal and goes on
 * Barrier: cpu-limit
 * Options: -t 0.2 -w 60
 * Verdict: cpu-time-limit */
#include "attack.h"

ATTACK(ignore_signals) {
        ignore_all_signals();
        spin();
}
