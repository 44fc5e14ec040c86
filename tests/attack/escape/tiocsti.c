/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: types commands into the terminal that judgectl was called from, and changes how that works
 * Barrier: seccomp, streams-relayed
 * Verdict: security-violation
 * Terminal: yes
 * Trace: terminal */
#include "attack.h"
#include <sys/ioctl.h>
#include <termios.h>

ATTACK(tiocsti) {
        struct termios t;
        bool worked = false;

        for (int fd = 0; fd < 3; fd++) {
                worked |= tried("TIOCSCTTY", ioctl(fd, TIOCSCTTY, 1));
                worked |= tried("TIOCSTI", ioctl(fd, TIOCSTI, "x"));
                worked |= tried("tcgetattr", tcgetattr(fd, &t));
        }
        worked |= tried("/dev/tty", open("/dev/tty", O_RDWR));
        return outcome(worked);
}
