/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading the files of a cgroup through descriptors that are kept open: pread() from the start, never a new
 * open(), no allocation. judgebox-init links this and nothing else of cgroup/, so it knows neither managers nor
 * systemd. What a file holds is never trusted: a line or a number that is not exactly what the kernel
 * documents (Documentation/admin-guide/cgroup-v2.rst) counts as not there. */

#include "spec.h"

/* The descriptors of a run's cgroup that judgebox-init gets; -EBADF where the controller or file is missing. */
typedef enum RunCgroupFd {
        RUN_CGROUP_DIR,   /* O_PATH|O_DIRECTORY, for CLONE_INTO_CGROUP */
        RUN_CGROUP_KILL,  /* cgroup.kill, for writing */
        RUN_CGROUP_PROCS, /* cgroup.procs, for reading */
        RUN_CGROUP_CPU_STAT,
        RUN_CGROUP_MEMORY_PEAK,
        /* memory.events.local; with memory.oom.group its oom_kill counts the first victim twice */
        RUN_CGROUP_MEMORY_EVENTS,
        RUN_CGROUP_MEMORY_STAT,
        RUN_CGROUP_PIDS_PEAK,
        RUN_CGROUP_PIDS_EVENTS,
        RUN_CGROUP_CPU_PRESSURE,
        RUN_CGROUP_IO_PRESSURE,
        _RUN_CGROUP_FD_MAX,
} RunCgroupFd;

/* A field that is not in the file is RESULT_UNKNOWN. */
typedef struct CpuStat {
        usec_t usage_usec, user_usec, system_usec, throttled_usec;
} CpuStat;

int cgroup_read_cpu_stat(int fd, CpuStat *ret);

/* What is charged at the moment: memory of processes, page cache of files on disk, files in memory and shared memory. */
typedef struct MemoryStat {
        uint64_t anon_bytes, file_bytes, shmem_bytes;
} MemoryStat;

int cgroup_read_memory_stat(int fd, MemoryStat *ret);

/* For how long some process has waited, by a pressure file's line "some" (Documentation/accounting/psi.rst). -ENOENT where
 * there is no such line with a total. */
int cgroup_read_pressure(int fd, usec_t *ret);

/* A file with one number ("max" is LIMIT_NONE). -EBADMSG for anything else. */
int cgroup_read_uint64(int fd, uint64_t *ret);

/* "key value" lines, as in memory.events: -ENOENT where there is no such key with a number. */
int cgroup_read_key(int fd, const char *key, uint64_t *ret);
