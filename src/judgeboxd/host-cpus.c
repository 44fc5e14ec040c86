/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host-cpus.h"
#include "parse-util.h"

int host_cpus_read(HostCpus *ret) {
        HostCpus h = {};

        assert(ret);

        CPU_ZERO(&h.set);
        if (sched_getaffinity(0, sizeof(h.set), &h.set) < 0)
                return -errno;

        h.n = (unsigned) CPU_COUNT(&h.set);
        *ret = h;
        return 0;
}

int host_cpus_restrict(HostCpus *h, const char *list) {
        cpu_set_t set;
        int r;

        assert(h);

        r = parse_cpu_set(list, &set);
        if (r < 0)
                return r;

        CPU_AND(&set, &set, &h->set);
        if (CPU_COUNT(&set) == 0)
                return -ENXIO;

        h->set = set;
        h->n = (unsigned) CPU_COUNT(&set);
        h->restricted = true;
        return 0;
}

int host_cpus_check_list(const HostCpus *h, const char *list, unsigned *ret_n) {
        cpu_set_t named, ours;
        unsigned n;
        int r;

        assert(h);
        assert(list);

        r = parse_cpu_list(list, &n);
        if (r >= 0)
                r = parse_cpu_set(list, &named);
        if (r == -ERANGE)
                return -ENXIO;
        if (r < 0)
                return r;

        CPU_AND(&ours, &named, &h->set);
        if ((unsigned) CPU_COUNT(&ours) != n)
                return -ENXIO;

        if (ret_n)
                *ret_n = n;
        return 0;
}
