/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has a second name in its directory for a file that is not its own, in place of the file that is collected
 * Barrier: read-only-mounts
 * Options: --out=answer
 * Verdict: runtime-error */
#include "attack.h"

ATTACK(out_hardlink) {
        bool worked;
        int fd;

        worked = tried("/usr/bin/env", link("/usr/bin/env", "answer"));
        worked |= tried("/etc/passwd", link("/etc/passwd", "answer"));
        worked |= tried("/proc/self/status", link("/proc/self/status", "answer"));

        fd = open("/usr/bin/env", O_PATH);
        worked |= tried("linkat", linkat(fd, "", AT_FDCWD, "answer", AT_EMPTY_PATH));
        return outcome(worked);
}
