/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: fills 1 GiB in a single system call, quicker than anybody who looks now and then
 * Barrier: memory-limit
 * Options: -m 64M
 * Verdict: memory-limit */
#include "attack.h"
#include <sys/mman.h>

ATTACK(burst) {
        return outcome(tried("mmap", mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED ? -1 : 0));
}
