/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has the kernel do its system calls, out of the filter's sight
 * Barrier: seccomp
 * Verdict: runtime-error
 * Without: --profile=none */
#include "attack.h"
#include <linux/io_uring.h>

ATTACK(io_uring) {
        struct io_uring_params p = {};

        return outcome(tried("io_uring_setup", syscall(SYS_io_uring_setup, 4, &p)));
}
