/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: reads what the kernel has logged
 * Barrier: seccomp
 * Verdict: security-violation */
#include "attack.h"
#include <sys/klog.h>

ATTACK(kernel_log) {
        char text[4096];

        /* SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_SIZE_BUFFER */
        bool worked = tried("read", klogctl(3, text, sizeof(text)));

        worked |= tried("size", klogctl(10, NULL, 0));
        return outcome(worked);
}
