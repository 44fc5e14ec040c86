/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: makes device nodes of the host's memory and disks
 * Barrier: no-capabilities
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>

ATTACK(make_devices) {
        static const char *const directories[] = { "/box", "/tmp", "/dev/shm", "/dev" };
        bool worked = false;

        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                char path[32];

                (void) snprintf(path, sizeof(path), "%s/mem", directories[i]);
                worked |= tried(path, mknod(path, S_IFCHR | 0666, makedev(1, 1)));
                (void) snprintf(path, sizeof(path), "%s/disk", directories[i]);
                worked |= tried(path, mknod(path, S_IFBLK | 0666, makedev(254, 0)));
        }
        return outcome(worked);
}
