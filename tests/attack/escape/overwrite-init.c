/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: overwrites the program that started it, as was done to runc (CVE-2019-5736)
 * Barrier: own-proc
 * Verdict: runtime-error
 * Trace: judgebox-init */
#include "attack.h"

ATTACK(overwrite_init) {
        bool worked = false;

        for (int pid = 1; pid <= 10; pid++) {
                char path[32];

                if (pid == getpid())
                        continue;
                (void) snprintf(path, sizeof(path), "/proc/%i/exe", pid);
                worked |= tried(path, open(path, O_WRONLY | O_CLOEXEC));
                (void) snprintf(path, sizeof(path), "/proc/%i/mem", pid);
                worked |= tried(path, open(path, O_RDWR | O_CLOEXEC));
        }
        return outcome(worked);
}
