/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: traces judgebox-init, and reads and writes its memory
 * Barrier: user-of-its-own
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/ptrace.h>
#include <sys/uio.h>

ATTACK(trace_init) {
        char c;
        struct iovec here = { &c, 1 }, there = { (void *) 0x400000, 1 };
        bool worked;

        worked = tried("PTRACE_SEIZE", ptrace(PTRACE_SEIZE, 1, NULL, NULL));
        worked |= tried("PTRACE_ATTACH", ptrace(PTRACE_ATTACH, 1, NULL, NULL));
        worked |= tried("process_vm_readv", process_vm_readv(1, &here, 1, &there, 1, 0));
        worked |= tried("process_vm_writev", process_vm_writev(1, &here, 1, &there, 1, 0));
        return outcome(worked);
}
