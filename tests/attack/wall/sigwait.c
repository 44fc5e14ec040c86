/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: blocks all signals and waits for one
 * Barrier: wall-limit
 * Options: -t 10 -w 0.3
 * Verdict: wall-time-limit
 * Without: -t 10 -w 60 */
#include "attack.h"

ATTACK(sigwait) {
        struct timespec t = { .tv_sec = 1 };
        sigset_t all;

        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, NULL);
        (void) sigtimedwait(&all, NULL, &t);
        return SUCCEEDED;
}
