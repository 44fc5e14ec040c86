/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: ignores that its file is too large, and appends to it through other descriptors
 * Barrier: file-size-limit
 * Options: --file-size=64K
 * Verdict: runtime-error */
#include "attack.h"

ATTACK(xfsz_ignored) {
        char block[1000] = {};
        off_t size = 0;

        (void) signal(SIGXFSZ, SIG_IGN);
        for (int i = 0; i < 200; i++) {
                int fd;

                fd = open("file", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
                if (fd < 0)
                        return broken("open");
                (void) !write(fd, block, sizeof(block));
                size = lseek(fd, 0, SEEK_END);
                (void) close(fd);
        }

        printf("%lli bytes\n", (long long) size);
        /* One byte more is how judgebox-init tells too much from just enough. */
        return outcome(size > 65537);
}
