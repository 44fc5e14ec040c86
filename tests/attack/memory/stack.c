/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: recurses through 16 MiB of stack where 1 MiB is allowed
 * Barrier: stack-limit
 * Options: --stack=1M
 * Verdict: signaled/SIGSEGV
 * Without: --stack=64M */
#include "attack.h"

static __attribute__((__noinline__)) int descend(int depth) {
        volatile char frame[4096];

        frame[0] = (char) depth;
        return depth > 0 ? descend(depth - 1) + (frame[0] & 0) : 0;
}

ATTACK(stack) {
        return descend(4096);
}
