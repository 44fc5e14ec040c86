/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: makes judgebox-init its tracer where the profile lets it, and stops, which wait(2) tells like an end
 * Barrier: wall-limit
 * Options: --profile=none -t 10 -w 0.5
 * Verdict: wall-time-limit
 * Trace: process */
#include "attack.h"

#include <sys/ptrace.h>

ATTACK(trace_me) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                return broken("PTRACE_TRACEME");

        (void) raise(SIGSTOP);
        return SUCCEEDED;
}
