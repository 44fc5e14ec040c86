/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: takes the descriptors of judgebox-init, among them the one by which results are reported
 * Barrier: user-of-its-own
 * Verdict: runtime-error */
#include "attack.h"

ATTACK(proc_1_fd) {
        bool worked;
        int pidfd;

        pidfd = (int) syscall(SYS_pidfd_open, 1, 0);
        worked = false;
        for (int i = 0; i < 8; i++) {
                char path[32];

                (void) snprintf(path, sizeof(path), "/proc/1/fd/%i", i);
                worked |= tried(path, open(path, O_RDONLY));
                worked |= tried("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, i, 0));
        }
        return outcome(worked);
}
