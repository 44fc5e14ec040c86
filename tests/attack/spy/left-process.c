/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves a process for the box's next run to ask
 * Barrier: end-of-run
 * Phases: leave look
 * Verdict: runtime-error
 * Trace: process */
#include "attack.h"

ATTACK(left_process) {
        bool found = false;
        pid_t pid;

        if (strcmp(argv[1], "leave") == 0) {
                pid = fork();
                if (pid == 0) {
                        (void) setsid();
                        ignore_all_signals();
                        sleep_forever();
                }
                return pid < 0 ? broken("fork") : 0;
        }

        for (pid = 2; pid < 1000; pid++)
                found = found || (pid != getpid() && (kill(pid, 0) >= 0 || errno != ESRCH));
        return outcome(found);
}
