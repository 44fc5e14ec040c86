/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <stdio.h>

#include "fd-util.h"
#include "procs.h"
#include "sample.h"

typedef struct Sample {
        uint64_t bytes;
        uint64_t processes;
} Sample;

/* The second number of a statm (proc(5)): resident pages. A process that is gone has none. */
static uint64_t read_statm(const char *path) {
        char buf[128];
        unsigned long long pages;
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;

        n = read(fd, buf, sizeof(buf) - 1);
        if (n <= 0)
                return 0;
        buf[n] = '\0';

        return sscanf(buf, "%*u %llu", &pages) == 1 ? pages * (uint64_t) sysconf(_SC_PAGESIZE) : 0;
}

/* Where the first thread has ended and others go on, only they tell what memory they have. */
static uint64_t read_threads(pid_t pid) {
        char path[sizeof("/proc//task//statm") + 32];
        uint64_t bytes = 0;
        struct dirent *e;
        DIR *d;

        (void) snprintf(path, sizeof(path), "/proc/%i/task", pid);
        d = opendir(path);
        if (!d)
                return 0;

        while (bytes == 0 && (e = readdir(d))) {
                if (e->d_name[0] == '.')
                        continue;
                (void) snprintf(path, sizeof(path), "/proc/%i/task/%.16s/statm", pid, e->d_name);
                bytes = read_statm(path);
        }

        (void) closedir(d);
        return bytes;
}

static void sample_process(pid_t pid, void *userdata) {
        Sample *s = ASSERT_PTR(userdata);
        char path[sizeof("/proc//statm") + 16];
        uint64_t bytes;

        (void) snprintf(path, sizeof(path), "/proc/%i/statm", pid);
        bytes = read_statm(path);
        s->bytes += bytes > 0 ? bytes : read_threads(pid);
        s->processes++;
}

int sample_memory(int procs_fd, uint64_t *ret_bytes, uint64_t *ret_processes) {
        Sample s = {};
        int r;

        r = procs_for_each(procs_fd, sample_process, &s);
        if (r < 0)
                return r;

        *ret_bytes = s.bytes;
        *ret_processes = s.processes;
        return 0;
}
