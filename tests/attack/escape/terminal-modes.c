/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: takes over the terminal that judgectl was called from: its modes, its foreground, what is typed there
 * Barrier: streams-relayed
 * Verdict: runtime-error
 * Terminal: yes
 * Trace: terminal */
#include "attack.h"
#include <sys/ioctl.h>
#include <termios.h>

ATTACK(terminal_modes) {
        struct termios t;
        bool worked = false;

        for (int fd = 0; fd < 3; fd++) {
                worked |= tried("tcgetattr", tcgetattr(fd, &t));
                worked |= tried("TIOCSCTTY", ioctl(fd, TIOCSCTTY, 1));
                worked |= tried("tcsetpgrp", tcsetpgrp(fd, getpgrp()));
        }
        worked |= tried("/dev/tty", open("/dev/tty", O_RDWR));
        return outcome(worked);
}
