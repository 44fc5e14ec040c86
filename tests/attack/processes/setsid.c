/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves a daemon with a session of its own, all signals ignored and all descriptors closed
 * Barrier: end-of-run
 * Verdict: ok
 * Trace: process */
#include "attack.h"

ATTACK(setsid) {
        int started[2];
        char c;

        if (pipe(started) < 0)
                return broken("pipe");
        if (fork() == 0) {
                (void) setsid();
                ignore_all_signals();
                if (fork() == 0) {
                        (void) syscall(SYS_close_range, 0, ~0U, 0);
                        sleep_forever();
                }
                _exit(0);
        }

        (void) close(started[1]);
        return read(started[0], &c, 1) == 0 ? 0 : broken("read");
}
