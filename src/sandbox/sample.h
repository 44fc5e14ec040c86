/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "time-util.h"

/* Where no cgroup limits memory (--degrade): how often the run's processes are looked at. */
#define SAMPLE_INTERVAL_USEC (5 * USEC_PER_MSEC)

/* The resident sets of all processes listed in a cgroup.procs, added up; pages that they share count more than
 * once. procs_fd is an open cgroup.procs. */
int sample_memory(int procs_fd, uint64_t *ret_bytes, uint64_t *ret_processes);
