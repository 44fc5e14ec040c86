/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: vforks without end: all parents wait, uninterruptible, for a youngest child that tries on
 * Barrier: process-limit, cpu-limit
 * Options: -t 0.2 -w 60 -p 16
 * Verdict: cpu-time-limit
 * Trace: process */
#include "attack.h"

ATTACK(vfork_bomb) {
        for (;;)
                if (vfork() < 0)
                        burn(1);
}
