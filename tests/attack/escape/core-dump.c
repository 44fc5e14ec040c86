/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has a child crash, to leave its memory in a file
 * Barrier: no-core-dumps
 * Verdict: runtime-error
 * Trace: core */
#include "attack.h"
#include <sys/prctl.h>

ATTACK(core_dump) {
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                (void) prctl(PR_SET_DUMPABLE, 1);
                abort();
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSIGNALED(status))
                return broken("fork");
        return outcome(WCOREDUMP(status));
}
