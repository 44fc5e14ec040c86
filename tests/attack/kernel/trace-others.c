/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: traces every process that it can name, but for its own
 * Barrier: pid-namespace, own-proc
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/ptrace.h>

ATTACK(trace_others) {
        bool worked = false;

        for (pid_t pid = 1; pid < 2000; pid++)
                if (pid != getpid() && ptrace(PTRACE_SEIZE, pid, NULL, NULL) >= 0) {
                        printf("process %i\n", pid);
                        worked = true;
                }
        return outcome(worked);
}
