/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: changes the host's name
 * Barrier: no-capabilities
 * Verdict: runtime-error
 * Trace: kernel-setting */
#include "attack.h"

ATTACK(rename_host) {
        bool worked;

        worked = tried("sethostname", sethostname("attacked", 8));
        worked |= tried("setdomainname", setdomainname("attacked", 8));
        return outcome(worked);
}
