/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: switches the host off
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation */
#include "attack.h"

ATTACK(reboot) {
        /* The magic numbers of reboot(2); to enable and disable Ctrl-Alt-Del, should it work */
        bool worked = tried("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL));

        worked |= tried("swapon", syscall(SYS_swapon, "/box/swap", 0));
        worked |= tried("acct", syscall(SYS_acct, "/box/accounting"));
        return outcome(worked);
}
