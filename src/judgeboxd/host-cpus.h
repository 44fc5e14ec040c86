/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sched.h>

#include "macro.h"

/* The CPUs that this daemon, and so its boxes, may use. */
typedef struct HostCpus {
        cpu_set_t set;
        unsigned n;
        bool restricted; /* by the admin: runs are to keep to the set */
        bool exclusive; /* each run has CPUs of its own, which it cannot choose */
} HostCpus;

int host_cpus_read(HostCpus *ret);

/* Leaves those of the list, if there are any of these (-ENXIO). */
int host_cpus_restrict(HostCpus *h, const char *list);

/* A list as in "0-3,6": 0, -EINVAL if it is none, -ENXIO if it names a CPU that is not there (or one twice). ret_n
 * (may be NULL) is how many are named. */
int host_cpus_check_list(const HostCpus *h, const char *list, unsigned *ret_n);
