/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: types commands into the terminal that judgectl was called from
 * Barrier: seccomp, streams-relayed
 * Verdict: security-violation
 * Terminal: yes
 * Trace: terminal */
#include "attack.h"
#include <sys/ioctl.h>

ATTACK(tiocsti) {
        bool worked = false;

        for (int fd = 0; fd < 3; fd++)
                worked |= tried("TIOCSTI", ioctl(fd, TIOCSTI, "x"));
        return outcome(worked);
}
