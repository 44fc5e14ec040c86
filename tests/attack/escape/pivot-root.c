/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: puts another root in place of its own
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation */
#include "attack.h"
#include <sys/stat.h>

ATTACK(pivot_root) {
        (void) mkdir("new", 0700);
        return outcome(tried("pivot_root", syscall(SYS_pivot_root, "new", "new")));
}
