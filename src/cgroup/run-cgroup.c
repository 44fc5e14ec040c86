/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "cgroup-dir.h"
#include "cgroup-internal.h"
#include "fd-util.h"
#include "log.h"
#include "parse-util.h"

/* cpu.max's period, which is the kernel's default: a quota of N periods is N CPUs' worth of time. The kernel takes no
 * quota below a millisecond, which is a hundredth of it. */
#define CPU_PERIOD_USEC UINT64_C(100000)

typedef enum LimitFile {
        FILE_MEMORY_MAX,
        FILE_MEMORY_SWAP_MAX,
        FILE_MEMORY_OOM_GROUP,
        FILE_PIDS_MAX,
        FILE_CPU_MAX,
        FILE_CPUSET_CPUS, /* its value is cpu_set */
        _LIMIT_FILE_MAX,
} LimitFile;

struct RunCgroup {
        BoxCgroup *box;
        uint64_t n;
        bool made; /* to be removed again */
        int fds[_RUN_CGROUP_FD_MAX];

        /* What the files are known to hold, so that only differences are written. */
        uint32_t known; /* bit: LimitFile */
        uint64_t values[_LIMIT_FILE_MAX];
        char *cpu_set; /* NULL: all */
};

#define RUN_NAME_MAX (sizeof("run-") + 20)

static const char *run_name(uint64_t n, char buf[static RUN_NAME_MAX]) {
        (void) snprintf(buf, RUN_NAME_MAX, "run-%" PRIu64, n);
        return buf;
}

static const struct {
        const char *name;
        CgroupController controller;
        int flags;
        bool optional; /* younger than the kernels we run on, or left out of some */
} file_table[_RUN_CGROUP_FD_MAX] = {
        [RUN_CGROUP_KILL] = { "cgroup.kill", 0, O_WRONLY, false },
        [RUN_CGROUP_PROCS] = { "cgroup.procs", 0, O_RDONLY, false },
        [RUN_CGROUP_CPU_STAT] = { "cpu.stat", 0, O_RDONLY, false },
        [RUN_CGROUP_MEMORY_PEAK] = { "memory.peak", CGROUP_MEMORY, O_RDONLY, true },
        [RUN_CGROUP_MEMORY_EVENTS] = { "memory.events.local", CGROUP_MEMORY, O_RDONLY, false },
        [RUN_CGROUP_MEMORY_STAT] = { "memory.stat", CGROUP_MEMORY, O_RDONLY, false },
        [RUN_CGROUP_PIDS_PEAK] = { "pids.peak", CGROUP_PIDS, O_RDONLY, true },
        [RUN_CGROUP_PIDS_EVENTS] = { "pids.events", CGROUP_PIDS, O_RDONLY, false },
        [RUN_CGROUP_CPU_PRESSURE] = { "cpu.pressure", 0, O_RDONLY, true },
        [RUN_CGROUP_IO_PRESSURE] = { "io.pressure", 0, O_RDONLY, true },
};

static int run_open_files(RunCgroup *c) {
        CgroupManager *m = c->box->manager;
        uint32_t missing = m->missing_files;

        for (RunCgroupFd i = RUN_CGROUP_DIR + 1; i < _RUN_CGROUP_FD_MAX; i++) {
                if ((file_table[i].controller & ~m->controllers) || (missing & (UINT32_C(1) << i)))
                        continue;

                c->fds[i] = openat(c->fds[RUN_CGROUP_DIR], file_table[i].name, file_table[i].flags | O_CLOEXEC);
                if (c->fds[i] >= 0)
                        continue;
                /* EOPNOTSUPP: pressure is not accounted (psi=0). */
                if (!IN_SET(errno, ENOENT, EOPNOTSUPP) || !file_table[i].optional)
                        return -errno;

                missing |= UINT32_C(1) << i;
        }

        /* Only now is it known that it is the kernel that lacks them: where the controller is not enabled, the
         * files that every kernel has are missing too. */
        m->missing_files = missing;
        return 0;
}

static int run_open(RunCgroup *c) {
        char name[RUN_NAME_MAX];

        c->fds[RUN_CGROUP_DIR] = cgroup_dir_open(c->box->dir_fd, run_name(c->n, name), O_PATH);
        if (c->fds[RUN_CGROUP_DIR] < 0)
                return c->fds[RUN_CGROUP_DIR];

        /* Also of an adopted one: its maker may have ended just before this. */
        if (fchownat(c->fds[RUN_CGROUP_DIR], "cgroup.procs", c->box->uid, (gid_t) -1, 0) < 0)
                return -errno;

        return run_open_files(c);
}

static int run_alloc(BoxCgroup *b, uint64_t n, RunCgroup **ret) {
        RunCgroup *c;

        c = new(RunCgroup, 1);
        if (!c)
                return -ENOMEM;

        *c = (RunCgroup) {
                .box = b,
                .n = n,
        };
        for (RunCgroupFd i = 0; i < _RUN_CGROUP_FD_MAX; i++)
                c->fds[i] = -EBADF;
        b->n_runs++;

        *ret = c;
        return 0;
}

int run_cgroup_new(BoxCgroup *b, uint64_t n, RunCgroup **ret) {
        _cleanup_(run_cgroup_freep) RunCgroup *c = NULL;
        char name[RUN_NAME_MAX];
        int r;

        assert(b);
        assert(b->dir_fd >= 0);
        assert(b->uid != UID_INVALID);
        assert(ret);

        r = run_alloc(b, n, &c);
        if (r < 0)
                return r;

        /* As the kernel makes it. Swap and OOM groups are to be written once. */
        c->known = 1U << FILE_MEMORY_MAX | 1U << FILE_PIDS_MAX | 1U << FILE_CPU_MAX | 1U << FILE_CPUSET_CPUS;
        c->values[FILE_MEMORY_MAX] = c->values[FILE_PIDS_MAX] = c->values[FILE_CPU_MAX] = LIMIT_NONE;

        if (mkdirat(b->dir_fd, run_name(n, name), 0755) < 0)
                return -errno;
        c->made = true;

        r = run_open(c);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

int run_cgroup_adopt(BoxCgroup *b, uint64_t n, RunCgroup **ret) {
        _cleanup_(run_cgroup_freep) RunCgroup *c = NULL;
        int r;

        assert(b);
        assert(b->dir_fd >= 0);
        assert(b->uid != UID_INVALID);
        assert(ret);

        r = run_alloc(b, n, &c);
        if (r < 0)
                return r;

        r = run_open(c);
        if (r < 0)
                return r;

        c->made = true;
        *ret = TAKE_PTR(c);
        return 0;
}

RunCgroup *run_cgroup_free(RunCgroup *c) {
        char name[RUN_NAME_MAX];

        if (!c)
                return NULL;

        close_many(c->fds, _RUN_CGROUP_FD_MAX);

        /* What fails here is taken away with the box. */
        if (c->made && unlinkat(c->box->dir_fd, run_name(c->n, name), AT_REMOVEDIR) < 0)
                (void) log_debug_errno(errno, "Failed to remove cgroup %s/%s: %m", strna(c->box->path), name);

        c->box->n_runs--;
        free(c->cpu_set);
        return mfree(c);
}

RunCgroup *run_cgroup_release(RunCgroup *c) {
        if (c)
                c->made = false;

        return run_cgroup_free(c);
}

int run_cgroup_get_fd(RunCgroup *c, RunCgroupFd which) {
        assert(c);
        assert(which >= 0 && which < _RUN_CGROUP_FD_MAX);

        return c->fds[which];
}

static int run_write(RunCgroup *c, LimitFile file, const char *name, uint64_t value) {
        char buf[64] = "max";
        int r;

        if ((c->known & (1U << file)) && c->values[file] == value)
                return 0;

        if (file == FILE_CPU_MAX && value != LIMIT_NONE)
                (void) snprintf(buf, sizeof(buf), "%" PRIu64 " %" PRIu64, value, CPU_PERIOD_USEC);
        else if (value != LIMIT_NONE)
                (void) snprintf(buf, sizeof(buf), "%" PRIu64, value);

        /* A write that fails leaves the old value, but do not count on it. */
        c->known &= ~(1U << file);
        r = write_string_file_at(c->fds[RUN_CGROUP_DIR], name, buf);
        if (r < 0)
                return r;

        c->values[file] = value;
        c->known |= 1U << file;
        return 0;
}

/* The kernel takes CPUs that the cgroups above do not allow and then gives those that they do: a run would be
 * on other CPUs than asked for, and nobody told. */
static int run_check_cpu_set(RunCgroup *c, const char *cpu_set) {
        _cleanup_free_ char *text = NULL;
        cpu_set_t asked, effective;
        size_t size;
        int r;

        r = read_full_file_at(c->fds[RUN_CGROUP_DIR], "cpuset.cpus.effective", 65536, &text, &size);
        if (r < 0)
                return r;
        if (size > 0 && text[size - 1] == '\n')
                text[size - 1] = '\0';

        r = parse_cpu_set(cpu_set, &asked);
        if (r < 0)
                return r;

        r = parse_cpu_set(text, &effective);
        if (r < 0)
                return r;

        return CPU_EQUAL(&asked, &effective) ? 0 : -ENXIO;
}

static int run_write_cpu_set(RunCgroup *c, const char *cpu_set) {
        int r;

        if ((c->known & (1U << FILE_CPUSET_CPUS)) && streq_ptr(c->cpu_set, cpu_set))
                return 0;

        /* An empty write is no write: a newline clears it. */
        c->known &= ~(1U << FILE_CPUSET_CPUS);
        r = write_string_file_at(c->fds[RUN_CGROUP_DIR], "cpuset.cpus", cpu_set ?: "\n");
        if (r < 0)
                return IN_SET(r, -EINVAL, -ERANGE) ? -ENXIO : r;

        if (cpu_set) {
                r = run_check_cpu_set(c, cpu_set);
                if (r < 0)
                        return r;
        }

        r = free_and_strdup(&c->cpu_set, cpu_set);
        if (r < 0)
                return r;

        c->known |= 1U << FILE_CPUSET_CPUS;
        return 0;
}

static uint64_t limit_get(const Limits *l, LimitType t) {
        return limits_has(l, t) ? l->values[t] : LIMIT_NONE;
}

/* In each period; the lower of the two limits that it can hold. */
static uint64_t cpu_quota_usec(const Limits *l, unsigned n_cpus) {
        uint64_t cpus = limit_get(l, LIMIT_CPUS), percent = limit_get(l, LIMIT_CPU_PERCENT), quota = LIMIT_NONE;

        if (cpus < n_cpus)
                quota = cpus * CPU_PERIOD_USEC;
        if (percent < UINT64_C(100) * n_cpus)
                quota = MIN(quota, percent * (CPU_PERIOD_USEC / 100));

        return quota;
}

int run_cgroup_set_limits(RunCgroup *c, const Limits *limits) {
        CgroupManager *m;
        int r;

        assert(c);
        assert(limits);

        m = c->box->manager;

        if (m->controllers & CGROUP_MEMORY) {
                r = run_write(c, FILE_MEMORY_MAX, "memory.max", limit_get(limits, LIMIT_MEMORY));
                if (r < 0)
                        return r;

                if (!m->no_swap) {
                        r = run_write(c, FILE_MEMORY_SWAP_MAX, "memory.swap.max", 0);
                        if (r == -ENOENT)
                                /* Built or booted without swap accounting. */
                                m->no_swap = true;
                        else if (r < 0)
                                return r;
                }

                r = run_write(c, FILE_MEMORY_OOM_GROUP, "memory.oom.group", 1);
                if (r < 0)
                        return r;
        }

        if (m->controllers & CGROUP_PIDS) {
                r = run_write(c, FILE_PIDS_MAX, "pids.max", limit_get(limits, LIMIT_PROCESSES));
                if (r < 0)
                        return r;
        }

        if (m->controllers & CGROUP_CPU) {
                r = run_write(c, FILE_CPU_MAX, "cpu.max", cpu_quota_usec(limits, m->n_cpus));
                if (r < 0)
                        return r;
        } else if (limit_get(limits, LIMIT_CPU_PERCENT) != LIMIT_NONE)
                return -EOPNOTSUPP;

        if (m->controllers & CGROUP_CPUSET) {
                r = run_write_cpu_set(c, limits->cpu_set);
                if (r < 0)
                        return r;
        }

        return 0;
}
