/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: kills itself as the kernel kills for want of memory
 * Barrier: evidence
 * Verdict: signaled/SIGKILL */
#include "attack.h"

ATTACK(fake_oom) {
        (void) kill(getpid(), SIGKILL);
        return SUCCEEDED;
}
