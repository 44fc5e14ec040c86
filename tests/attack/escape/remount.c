/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: makes a read-only mount writable
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation */
#include "attack.h"
#include <sys/mount.h>

ATTACK(remount) {
        struct {
                uint64_t set, clear, propagation, userns;
        } a = { .clear = 1 }; /* MOUNT_ATTR_RDONLY */
        bool worked;

        worked = tried("mount", mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL));
        worked |= tried("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, &a, sizeof(a)));
        return outcome(worked);
}
