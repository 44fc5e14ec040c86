/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <utlist.h>

#include "cpu-pool.h"
#include "fd-util.h"
#include "parse-util.h"
#include "string-util.h"

struct CpuPool {
        cpu_set_t cores[CPU_SETSIZE]; /* the CPUs of each */
        unsigned n_cores;
        CpuLease *leases;
};

int cpu_pool_new(CpuPool **ret) {
        assert(ret);

        *ret = new0(CpuPool, 1);
        return *ret ? 0 : -ENOMEM;
}

CpuPool *cpu_pool_free(CpuPool *p) {
        if (!p)
                return NULL;

        assert(!p->leases);
        return mfree(p);
}

/* With those that share a core with it. Where the kernel does not tell it is alone. */
static void read_core(const char *root, size_t cpu, cpu_set_t *ret) {
        _cleanup_free_ char *path = NULL, *text = NULL;

        CPU_ZERO(ret);

        path = strprintf("%s/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", strempty(root), cpu);
        if (path && read_full_file_at(AT_FDCWD, path, 4096, &text, NULL) >= 0) {
                text[strcspn(text, "\n")] = '\0';
                (void) parse_cpu_set(text, ret);
        }

        CPU_SET(cpu, ret);
}

void cpu_pool_set(CpuPool *p, const cpu_set_t *cpus, const char *root) {
        cpu_set_t left;

        assert(p);
        assert(cpus);

        left = *cpus;
        p->n_cores = 0;
        for (size_t i = 0; i < CPU_SETSIZE; i++) {
                cpu_set_t *core = p->cores + p->n_cores;

                if (!CPU_ISSET(i, &left))
                        continue;

                read_core(root, i, core);
                CPU_AND(core, core, &left);
                CPU_XOR(&left, &left, core);
                p->n_cores++;
        }
}

unsigned cpu_pool_get_n_cores(const CpuPool *p) {
        assert(p);
        return p->n_cores;
}

static void get_taken(const CpuPool *p, cpu_set_t *ret) {
        CPU_ZERO(ret);
        for (const CpuLease *l = p->leases; l; l = l->next)
                CPU_OR(ret, ret, &l->cores);
}

static bool is_free(const cpu_set_t *core, const cpu_set_t *taken) {
        cpu_set_t both;

        CPU_AND(&both, core, taken);
        return CPU_COUNT(&both) == 0;
}

static void set_first(const cpu_set_t *core, cpu_set_t *set) {
        size_t i = 0;

        while (!CPU_ISSET(i, core))
                i++;
        CPU_SET(i, set);
}

bool cpu_pool_take(CpuPool *p, uint64_t n_cores, CpuLease *ret) {
        unsigned wanted, found = 0;
        cpu_set_t taken;
        CpuLease l = {};

        assert(p);
        assert(ret);

        wanted = (unsigned) MIN(n_cores, (uint64_t) p->n_cores);
        get_taken(p, &taken);

        for (unsigned i = 0; i < p->n_cores && found < wanted; i++)
                if (is_free(p->cores + i, &taken)) {
                        CPU_OR(&l.cores, &l.cores, p->cores + i);
                        set_first(p->cores + i, &l.usable);
                        found++;
                }
        if (found < wanted)
                return false;

        *ret = l;
        ret->pool = p;
        DL_APPEND(p->leases, ret);
        return true;
}

void cpu_pool_adopt(CpuPool *p, const cpu_set_t *cpus, CpuLease *ret) {
        assert(p);
        assert(cpus);
        assert(ret);

        *ret = (CpuLease) { .pool = p, .cores = *cpus, .usable = *cpus };
        DL_APPEND(p->leases, ret);
}

void cpu_pool_release(CpuLease *l) {
        CpuPool *p;

        assert(l);

        p = TAKE_PTR(l->pool);
        if (p)
                DL_DELETE(p->leases, l);
}
