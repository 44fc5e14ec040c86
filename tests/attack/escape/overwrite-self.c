/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: overwrites the file that it was executed from, which may be the judge's
 * Barrier: sealed-executable
 * Options: --exec-file={executable}
 * Verdict: runtime-error */
#include "attack.h"

/* While it runs it is busy: so it is opened first, and written to by what is executed in its place. */
ATTACK(overwrite_self) {
        char script[64];
        int fd;

        fd = open("/proc/self/exe", O_RDONLY);
        if (fd < 0)
                return broken("open");
        (void) snprintf(script, sizeof(script), "echo overwritten >>/proc/self/fd/%i && exit 0; exit 1", fd);
        (void) execl("/bin/sh", "sh", "-c", script, NULL);
        return broken("execl");
}
