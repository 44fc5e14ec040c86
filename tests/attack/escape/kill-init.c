/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: kills judgebox-init, and with it the box and all evidence
 * Barrier: user-of-its-own
 * Verdict: runtime-error
 * Trace: box */
#include "attack.h"

ATTACK(kill_init) {
        bool worked;
        int fd;

        worked = tried("kill", kill(1, SIGKILL));
        worked |= tried("tgkill", syscall(SYS_tgkill, 1, 1, SIGKILL));
        fd = (int) syscall(SYS_pidfd_open, 1, 0);
        worked |= tried("pidfd_send_signal", syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
        worked |= tried("kill all", kill(-1, SIGKILL));
        return outcome(worked);
}
