/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: waits in the kernel, where no signal is looked at, for a child that does nothing
 * Barrier: wall-limit
 * Options: -t 10 -w 0.3
 * Verdict: wall-time-limit
 * Trace: process */
#include "attack.h"

ATTACK(vfork_wait) {
        ignore_all_signals();
        if (vfork() == 0)
                sleep_forever();
        return SUCCEEDED;
}
