/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves a grandchild that is nobody's child any more, and ends
 * Barrier: end-of-run
 * Verdict: ok
 * Trace: process */
#include "attack.h"

ATTACK(double_fork) {
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                if (fork() == 0)
                        sleep_forever();
                _exit(0);
        }

        return pid < 0 || waitpid(pid, NULL, 0) < 0 ? broken("fork") : 0;
}
