/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has a child kill the program and give the answers in its place
 * Barrier: evidence, end-of-run
 * Verdict: signaled/SIGKILL
 * Trace: process */
#include "attack.h"

ATTACK(kill_parent) {
        if (fork() == 0) {
                (void) kill(getppid(), SIGKILL);
                ignore_all_signals();
                for (;;) {
                        (void) !write(STDOUT_FILENO, "", 0);
                        nap(1);
                }
        }
        sleep_forever();
}
