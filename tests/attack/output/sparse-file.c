/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: makes a file of a tebibyte, with nothing in it
 * Barrier: file-size-limit
 * Verdict: output-limit */
#include "attack.h"

ATTACK(sparse_file) {
        int fd;

        fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return broken("open");
        return outcome(tried("ftruncate", ftruncate(fd, 1L << 40)));
}
