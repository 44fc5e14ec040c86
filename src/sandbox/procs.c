/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "macro.h"
#include "procs.h"

int procs_for_each(int procs_fd, void (*visit)(pid_t pid, void *userdata), void *userdata) {
        char buf[4096], *line, *end;
        off_t offset = 0;

        assert(visit);

        for (;;) {
                ssize_t n;

                n = pread(procs_fd, buf, sizeof(buf) - 1, offset);
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                buf[n] = '\0';

                for (line = buf; (end = strchr(line, '\n')); line = end + 1) {
                        int pid = 0;

                        for (const char *p = line; p < end; p++)
                                pid = pid * 10 + (*p - '0');

                        /* The kernel writes 0 for one that is in no pid namespace of ours. */
                        if (pid > 0)
                                visit(pid, userdata);
                }
                if (line == buf)
                        return 0;

                /* A last line without its end is read again. */
                offset += line - buf;
        }
}
