/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: keeps judgebox-init reaping children that are its own from their birth, so that it looks at no limit
 * Barrier: wall-limit
 * Options: -t 10 -w 0.5 -p 32
 * Verdict: wall-time-limit
 * Trace: process */
#include "attack.h"

#include <sched.h>

static _Noreturn void flood(const int start[2]) {
        char c;

        (void) close(start[1]);
        (void) !read(start[0], &c, 1);
        for (;;)
                if (syscall(SYS_clone, CLONE_PARENT | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) == 0)
                        _exit(0);
}

ATTACK(orphan_flood) {
        int start[2];

        if (pipe(start) < 0)
                return broken("pipe");

        /* Of an orphan the parent is judgebox-init. */
        for (int i = 0; i < 24; i++) {
                pid_t pid;

                pid = fork();
                if (pid == 0) {
                        if (fork() == 0)
                                flood(start);
                        _exit(0);
                }
                if (pid < 0 || waitpid(pid, NULL, 0) < 0)
                        return broken("fork");
        }

        (void) close(start[1]);
        sleep_forever();
}
