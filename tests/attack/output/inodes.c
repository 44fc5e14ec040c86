/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: makes 1000 empty files where 100 are allowed
 * Barrier: inode-limit
 * Options: --inodes=100
 * Verdict: runtime-error
 * Without: --inodes=2000 */
#include "attack.h"
#include <sys/stat.h>

ATTACK(inodes) {
        for (int i = 0; i < 1000; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "f%i", i);
                if (mknod(name, 0100600, 0) < 0)
                        return outcome(tried("mknod", -1));
        }
        return SUCCEEDED;
}
