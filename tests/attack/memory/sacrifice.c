/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: lets a child be killed for want of memory, and says that all went well
 * Barrier: memory-limit
 * Options: -m 64M
 * Verdict: memory-limit */
#include "attack.h"

ATTACK(sacrifice) {
        pid_t pid;

        pid = fork();
        if (pid == 0)
                for (;;) {
                        char *p = malloc(1 << 20);

                        if (p)
                                memset(p, 1, 1 << 20);
                }

        return pid < 0 || waitpid(pid, NULL, 0) < 0 ? broken("fork") : 0;
}
