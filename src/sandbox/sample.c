/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "fd-util.h"
#include "parse-util.h"
#include "sample.h"
#include "string-util.h"

/* The second number of /proc/PID/statm (proc(5)): resident pages. A process that is gone has none. */
static uint64_t resident_bytes(const char *pid) {
        char path[64], buf[128];
        unsigned long long pages;
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        (void) snprintf(path, sizeof(path), "/proc/%.20s/statm", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;

        n = read(fd, buf, sizeof(buf) - 1);
        if (n <= 0)
                return 0;
        buf[n] = '\0';

        return sscanf(buf, "%*u %llu", &pages) == 1 ? pages * (uint64_t) sysconf(_SC_PAGESIZE) : 0;
}

int sample_memory(int procs_fd, uint64_t *ret_bytes, uint64_t *ret_processes) {
        uint64_t bytes = 0, processes = 0;
        char buf[4096], *line, *end;
        off_t offset = 0;

        for (;;) {
                ssize_t n;

                n = pread(procs_fd, buf, sizeof(buf) - 1, offset);
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                buf[n] = '\0';

                for (line = buf; (end = strchr(line, '\n')); line = end + 1) {
                        *end = '\0';
                        bytes += resident_bytes(line);
                        processes++;
                }
                if (line == buf)
                        break;

                /* A last line without its end is read again. */
                offset += line - buf;
        }

        *ret_bytes = bytes;
        *ret_processes = processes;
        return 0;
}
