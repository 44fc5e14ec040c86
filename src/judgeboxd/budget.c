/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/resource.h>

#include "budget.h"
#include "parse-util.h"

#define PERCENT_TO_USEC_PER_SEC (USEC_PER_SEC / 100)

/* Of the limits those that are a part of what all boxes of the tenant share. */
static const struct {
        LimitType limit;
        BudgetType budget;
} shared[] = {
        { LIMIT_MEMORY, BUDGET_MEMORY },
        { LIMIT_PROCESSES, BUDGET_TASKS },
        { LIMIT_CPUS, BUDGET_CPU },
        { LIMIT_CPU_PERCENT, BUDGET_CPU },
};

void budget_apply_slice(Budget *b, const CgroupBudget *slice) {
        assert(b);
        assert(slice);

        if (slice->memory_bytes != LIMIT_NONE)
                b->values[BUDGET_MEMORY] = slice->memory_bytes;
        if (slice->processes != LIMIT_NONE)
                b->values[BUDGET_TASKS] = slice->processes;
        if (slice->cpu_usec_per_sec != LIMIT_NONE)
                b->values[BUDGET_CPU] = slice->cpu_usec_per_sec / PERCENT_TO_USEC_PER_SEC;
}

CgroupBudget budget_to_cgroup(const Budget *b) {
        uint64_t cpu;

        assert(b);

        cpu = b->values[BUDGET_CPU];
        return (CgroupBudget) {
                .memory_bytes = b->values[BUDGET_MEMORY],
                .processes = b->values[BUDGET_TASKS],
                .cpu_usec_per_sec = cpu == BUDGET_NONE ? LIMIT_NONE : cpu * PERCENT_TO_USEC_PER_SEC,
        };
}

/* In the limit's unit. */
static uint64_t limit_max(const Budget *b, LimitType limit, BudgetType t) {
        uint64_t n = b->values[t];

        if (limit != LIMIT_CPUS || n == BUDGET_NONE)
                return n;

        /* A run on less than one CPU is a slow one, which nobody can ask for but everybody may have. */
        return n / 100 + (n % 100 > 0);
}

static char *format_budget(const Budget *b, BudgetType t) {
        uint64_t n = b->values[t];

        switch (t) {
        case BUDGET_MEMORY:
        case BUDGET_STORAGE:
                return strprintf("%" PRIu64 " bytes (%s)", n, FORMAT_BYTES(n));
        case BUDGET_CPU:
                return strprintf("%" PRIu64 "%% of a CPU", n);
        default:
                return strprintf("%" PRIu64, n);
        }
}

static int refuse(const Budget *b, BudgetType t, const char *prefix, const char *name, Failure *f) {
        _cleanup_free_ char *field = NULL, *value = NULL;

        field = strprintf("%s.%s", prefix, name);
        value = format_budget(b, t);
        if (!field || !value)
                return -ENOMEM;

        return failure_set_message(f, FAILURE_LIMIT_OUT_OF_RANGE, field, "%s is above the user's %s budget of %s.",
                                   field, budget_type_to_string(t), value);
}

int budget_check_limits(const Budget *b, const Limits *l, const char *prefix, Failure *f) {
        assert(b);
        assert(l);
        assert(prefix);

        for (size_t i = 0; i < ELEMENTSOF(shared); i++)
                if (limits_has(l, shared[i].limit) &&
                    l->values[shared[i].limit] > limit_max(b, shared[i].limit, shared[i].budget))
                        return refuse(b, shared[i].budget, prefix, limit_type_to_string(shared[i].limit), f);

        return 0;
}

int budget_check_settings(const Budget *b, const BoxSettings *s, const char *prefix, Failure *f) {
        _cleanup_free_ char *limits = NULL;

        assert(b);
        assert(s);
        assert(prefix);

        if (s->storage_bytes > b->values[BUDGET_STORAGE])
                return refuse(b, BUDGET_STORAGE, prefix, "storageBytes", f);
        if (budget_get_storage(s) > b->values[BUDGET_STORAGE])
                return refuse(b, BUDGET_STORAGE, prefix, "tmpfs", f);

        limits = strprintf("%s.limits", prefix);
        return limits ? budget_check_limits(b, &s->limits, limits, f) : -ENOMEM;
}

void budget_bound_defaults(const Budget *b, const Limits *defaults, BoxSettings *s) {
        Limits builtin = LIMITS_NULL, *l;

        assert(b);
        assert(defaults);
        assert(s);

        if (!s->storage_given)
                s->storage_bytes = MIN(s->storage_bytes, b->values[BUDGET_STORAGE]);

        l = &s->limits;

        /* Fails for lack of memory alone, for which it has no use here: there is no list of CPUs. */
        (void) limits_apply_defaults(&builtin);

        for (size_t i = 0; i < ELEMENTSOF(shared); i++) {
                LimitType t = shared[i].limit;
                uint64_t max = limit_max(b, t, shared[i].budget), value;

                if (limits_has(l, t))
                        continue;

                value = limits_has(defaults, t) ? defaults->values[t] : builtin.values[t];
                if (value != LIMIT_NONE && value > max)
                        limits_set(l, t, max);
        }

        limits_done(&builtin);
}

/* What we have ourselves is the most that a program can be given. */
static uint64_t open_files_max(void) {
        struct rlimit l;

        return getrlimit(RLIMIT_NOFILE, &l) < 0 ? UINT64_MAX : (uint64_t) l.rlim_max;
}

void budget_fill_limits(const Budget *b, const Limits *settings, Limits *l) {
        /* Of the others nothing is the default already. */
        static const LimitType filled[] = {
                LIMIT_CPU_TIME, LIMIT_WALL_TIME, LIMIT_MEMORY, LIMIT_PROCESSES,
                LIMIT_STACK,    LIMIT_FILE_SIZE, LIMIT_OUTPUT, LIMIT_OPEN_FILES,
        };

        assert(b);
        assert(settings);
        assert(l);

        for (size_t i = 0; i < ELEMENTSOF(filled); i++) {
                LimitType t = filled[i];
                uint64_t min, max;

                if (limits_has(l, t) || limits_has(settings, t))
                        continue;

                limit_range(t, &min, &max);
                if (t == LIMIT_OPEN_FILES)
                        max = MIN(max, open_files_max());
                for (size_t k = 0; k < ELEMENTSOF(shared); k++)
                        if (shared[k].limit == t)
                                max = MIN(max, limit_max(b, t, shared[k].budget));

                limits_set(l, t, max);
        }
}

uint64_t budget_get_storage(const BoxSettings *s) {
        uint64_t n;

        assert(s);

        /* What is written to an image has as much room again. No single one is so large that the sum could wrap. */
        n = s->image_writable ? 2 * s->storage_bytes : s->storage_bytes;
        for (size_t i = 0; i < s->n_tmpfs; i++)
                n += s->tmpfs[i].bytes;

        return n;
}
