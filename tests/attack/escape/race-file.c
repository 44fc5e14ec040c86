/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: swaps a file and a link for each other all the time, while the file is being collected
 * Barrier: files-beneath
 * Options: -t 10 -w 10
 * Verdict: ok
 * Meanwhile: get race-file
 * Forbidden: judgebox-init
 * Trace: secret */
#include "attack.h"

ATTACK(race_file) {
        time_t end = time(NULL) + 2;
        int fd;

        fd = open("race-file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0 || symlink("/proc/self/exe", "link") < 0)
                return broken("symlink");
        while (time(NULL) < end)
                for (int i = 0; i < 1000; i++)
                        (void) renameat2(AT_FDCWD, "race-file", AT_FDCWD, "link", RENAME_EXCHANGE);
        return 0;
}
