/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: takes mounts away, to see what they cover
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation */
#include "attack.h"
#include <sys/mount.h>

ATTACK(umount) {
        bool worked;

        worked = tried("/proc", umount2("/proc", MNT_DETACH));
        worked |= tried("/box", umount2("/box", MNT_DETACH));
        worked |= tried("/", umount2("/", MNT_DETACH));
        return outcome(worked);
}
