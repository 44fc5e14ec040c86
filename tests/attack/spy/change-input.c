/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: changes the input for those who come after it, though everybody may write to that file
 * Barrier: landlock, descriptors
 * Options: -i {input}
 * Verdict: runtime-error
 * Trace: host-file */
#include "attack.h"
#include <sys/stat.h>

ATTACK(change_input) {
        bool worked;

        worked = tried("write", write(STDIN_FILENO, "x", 1));
        worked |= tried("ftruncate", ftruncate(STDIN_FILENO, 0));
        worked |= tried("open", open("/proc/self/fd/0", O_WRONLY));
        worked |= tried("fchmod", fchmod(STDIN_FILENO, 0));
        return outcome(worked);
}
