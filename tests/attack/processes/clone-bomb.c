/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: clones threads and processes in turn, by the plain system call
 * Barrier: process-limit, cpu-limit
 * Options: -t 0.2 -w 60 -p 16
 * Verdict: cpu-time-limit
 * Trace: process */
#include "attack.h"
#include <sched.h>
#include <sys/mman.h>

static int multiply(void *arg) {
        for (;;) {
                char *stack;

                stack = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (stack == MAP_FAILED)
                        spin();
                if (clone(multiply, stack + 16384, CLONE_VM | CLONE_FS | CLONE_FILES, arg) < 0)
                        (void) munmap(stack, 16384);
                if (clone(multiply, NULL, SIGCHLD, arg) < 0)
                        burn(1);
        }
}

ATTACK(clone_bomb) {
        return multiply(NULL);
}
