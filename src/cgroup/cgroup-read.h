/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What judgebox-init needs of a run's cgroup: descriptors opened by judgeboxd, and how to read them. Apart from
 * cgroup.h so that judgebox-init links neither systemd nor a manager. */

#include "spec.h"

/* The descriptors of a run's cgroup that judgebox-init gets; -EBADF where the controller or file is missing. */
typedef enum RunCgroupFd {
        RUN_CGROUP_DIR,  /* O_PATH|O_DIRECTORY, for CLONE_INTO_CGROUP */
        RUN_CGROUP_KILL, /* cgroup.kill, for writing */
        RUN_CGROUP_PROCS, /* cgroup.procs, for reading */
        RUN_CGROUP_CPU_STAT,
        RUN_CGROUP_MEMORY_PEAK,
        RUN_CGROUP_MEMORY_EVENTS, /* memory.events.local where there is one */
        RUN_CGROUP_MEMORY_CURRENT,
        RUN_CGROUP_PIDS_PEAK,
        RUN_CGROUP_PIDS_EVENTS,
        _RUN_CGROUP_FD_MAX,
} RunCgroupFd;

/* What judgebox-init reads through those descriptors: pread() from the start, never a new open(). A field that is
 * not in the file is RESULT_UNKNOWN. */
typedef struct CpuStat {
        usec_t usage_usec, user_usec, system_usec, throttled_usec;
} CpuStat;

int cgroup_read_cpu_stat(int fd, CpuStat *ret);
/* A file with one number ("max" is LIMIT_NONE). */
int cgroup_read_uint64(int fd, uint64_t *ret);
/* "key value" lines, as in memory.events: -ENOENT where there is no such key. */
int cgroup_read_key(int fd, const char *key, uint64_t *ret);
