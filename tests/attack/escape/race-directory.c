/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: swaps a directory and a link to /proc/self for each other, while a file below it is being collected
 * Barrier: files-beneath
 * Options: -t 10 -w 10
 * Verdict: ok
 * Meanwhile: get d/exe
 * Forbidden: judgebox-init
 * Trace: secret */
#include "attack.h"
#include <sys/stat.h>

ATTACK(race_directory) {
        time_t end = time(NULL) + 2;
        int fd;

        if (mkdir("d", 0755) < 0 || symlink("/proc/self", "link") < 0)
                return broken("symlink");
        fd = open("d/exe", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
                return broken("open");
        while (time(NULL) < end)
                for (int i = 0; i < 1000; i++)
                        (void) renameat2(AT_FDCWD, "d", AT_FDCWD, "link", RENAME_EXCHANGE);
        return 0;
}
