/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: mounts by the newer system calls, which take descriptors
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation */
#include "attack.h"
#include <sys/mount.h>

ATTACK(new_mount) {
        bool worked;

        worked = tried("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
        /* OPEN_TREE_CLONE */
        worked |= tried("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
        worked |= tried("fspick", syscall(SYS_fspick, AT_FDCWD, "/box", 0));
        worked |= tried("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/box", 0));
        return outcome(worked);
}
