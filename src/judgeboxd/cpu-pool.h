/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* CPUs for runs to have for themselves. They are given out as whole cores: two threads of one core share what it computes
 * with, and would measure each other. Of each core a run may use the first CPU, and the others stay idle. */

#include "host-cpus.h"

typedef struct CpuPool CpuPool;

/* Embedded in what has it. */
typedef struct CpuLease {
        CpuPool *pool; /* NULL: none */
        cpu_set_t cores; /* whole ones */
        cpu_set_t usable;
        struct CpuLease *prev, *next;
} CpuLease;

int cpu_pool_new(CpuPool **ret);
/* Every lease must have been given back. */
CpuPool *cpu_pool_free(CpuPool *p);
DEFINE_TRIVIAL_CLEANUP_FUNC(CpuPool *, cpu_pool_free);

/* What there is to give out from now on; root: where sys/devices is, NULL for /. What is taken stays so. */
void cpu_pool_set(CpuPool *p, const cpu_set_t *cpus, const char *root);

unsigned cpu_pool_get_n_cores(const CpuPool *p);

/* So many cores, or all where there are not as many: false while that many are not free. */
bool cpu_pool_take(CpuPool *p, uint64_t n_cores, CpuLease *ret);

/* These, which somebody uses already. */
void cpu_pool_adopt(CpuPool *p, const cpu_set_t *cpus, CpuLease *ret);

/* Does nothing for one that is none. */
void cpu_pool_release(CpuLease *l);
