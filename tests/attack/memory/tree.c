/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: eight processes of 16 MiB each, none of which is over the limit of 64 MiB by itself
 * Barrier: memory-limit
 * Options: -m 64M
 * Verdict: memory-limit
 * Trace: process
 * Without: -m 256M */
#include "attack.h"

ATTACK(tree) {
        int ready[2];
        char c;

        if (pipe(ready) < 0)
                return broken("pipe");

        for (int i = 0; i < 8; i++)
                if (fork() == 0) {
                        char *p = malloc(16 << 20);

                        if (p)
                                memset(p, 1, 16 << 20);
                        (void) !write(ready[1], "x", 1);
                        sleep_forever();
                }

        for (int i = 0; i < 8; i++)
                if (read(ready[0], &c, 1) != 1)
                        return broken("read");

        nap(300);
        return SUCCEEDED;
}
