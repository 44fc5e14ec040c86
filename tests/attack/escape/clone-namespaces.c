/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: starts children in namespaces of their own, by clone and by clone3, whose flags a filter cannot see
 * Barrier: no-user-namespaces
 * Verdict: runtime-error */
#include "attack.h"
#include <linux/sched.h>

ATTACK(clone_namespaces) {
        struct clone_args a = { .flags = CLONE_NEWUSER | CLONE_NEWNET, .exit_signal = SIGCHLD };
        bool worked;
        long pid;

        pid = syscall(SYS_clone3, &a, sizeof(a));
        if (pid == 0)
                _exit(0);
        worked = tried("clone3", pid);

        pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid == 0)
                _exit(0);
        worked |= tried("clone", pid);
        return outcome(worked);
}
