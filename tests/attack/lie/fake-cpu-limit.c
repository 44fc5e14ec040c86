/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: sets itself a limit of CPU time and runs into that
 * Barrier: evidence
 * Options: -t 10
 * Verdict: signaled/SIGXCPU */
#include "attack.h"
#include <sys/resource.h>

ATTACK(fake_cpu_limit) {
        struct rlimit none = { 0, RLIM_INFINITY };

        if (setrlimit(RLIMIT_CPU, &none) < 0)
                return broken("setrlimit");
        spin();
}
