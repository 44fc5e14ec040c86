/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has the kernel wait for it in the middle of a system call, which many exploits need
 * Barrier: seccomp
 * Verdict: security-violation */
#include "attack.h"

ATTACK(userfaultfd) {
        bool worked;

        worked = tried("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC));
        worked |= tried("user mode only", syscall(SYS_userfaultfd, O_CLOEXEC | 1));
        return outcome(worked);
}
