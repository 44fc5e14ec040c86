/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: moves its root below its working directory, and climbs from there to the host's root
 * Barrier: no-capabilities, own-root
 * Arguments: {secret-file}
 * Verdict: runtime-error
 * Trace: secret */
#include "attack.h"
#include <sys/stat.h>

ATTACK(chroot) {
        (void) mkdir("jail", 0700);
        if (!tried("chroot", chroot("jail")))
                return REFUSED;
        for (int i = 0; i < 50; i++)
                (void) chdir("..");
        (void) chroot(".");
        return outcome(tried("open", open(argv[1], O_RDONLY)));
}
