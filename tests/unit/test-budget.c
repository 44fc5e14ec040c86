/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "budget.h"
#include "test-util.h"

#define MIB (UINT64_C(1) << 20)

static Budget budget_none(void) {
        Budget b;

        for (BudgetType t = 0; t < _BUDGET_TYPE_MAX; t++)
                b.values[t] = BUDGET_NONE;
        b.set = 0;
        return b;
}

static BoxSettings settings_with(uint64_t storage) {
        BoxSettings s;

        box_settings_init(&s);
        s.storage_bytes = storage;
        return s;
}

static void assert_refused(int r, Failure *f, const char *field, const char *message) {
        ck_assert_int_eq(r, FAILURE_LIMIT_OUT_OF_RANGE);
        ck_assert_str_eq(f->name, field);
        ck_assert_str_eq(f->message, message);
        failure_done(f);
}

START_TEST(test_limits) {
        Failure f = FAILURE_NULL;
        Limits l = LIMITS_NULL;
        Budget b = budget_none();

        limits_set(&l, LIMIT_MEMORY, 512 * MIB);
        limits_set(&l, LIMIT_PROCESSES, 100);
        limits_set(&l, LIMIT_CPUS, 2);
        ck_assert_int_eq(budget_check_limits(&b, &l, "limits", &f), 0);

        b.values[BUDGET_MEMORY] = 512 * MIB;
        b.values[BUDGET_TASKS] = 100;
        b.values[BUDGET_CPU] = 150;
        ck_assert_int_eq(budget_check_limits(&b, &l, "limits", &f), 0);

        b.values[BUDGET_MEMORY] = 512 * MIB - 1;
        assert_refused(budget_check_limits(&b, &l, "limits", &f), &f, "limits.memoryBytes",
                       "limits.memoryBytes is above the user's memory budget of 536870911 bytes (512.0M).");

        b.values[BUDGET_MEMORY] = 512 * MIB;
        b.values[BUDGET_TASKS] = 99;
        assert_refused(budget_check_limits(&b, &l, "x", &f), &f, "x.processes",
                       "x.processes is above the user's tasks budget of 99.");

        b.values[BUDGET_TASKS] = 100;
        b.values[BUDGET_CPU] = 100;
        assert_refused(budget_check_limits(&b, &l, "limits", &f), &f, "limits.cpus",
                       "limits.cpus is above the user's cpu budget of 100% of a CPU.");

        /* A share of a CPU is as exact as the budget. */
        l.set &= ~(UINT32_C(1) << LIMIT_CPUS);
        limits_set(&l, LIMIT_CPU_PERCENT, 100);
        ck_assert_int_eq(budget_check_limits(&b, &l, "limits", &f), 0);
        limits_set(&l, LIMIT_CPU_PERCENT, 101);
        assert_refused(budget_check_limits(&b, &l, "limits", &f), &f, "limits.cpuPercent",
                       "limits.cpuPercent is above the user's cpu budget of 100% of a CPU.");

        /* What is not given asks for nothing. */
        l = LIMITS_NULL;
        b.values[BUDGET_MEMORY] = 1;
        ck_assert_int_eq(budget_check_limits(&b, &l, "limits", &f), 0);
}
END_TEST

START_TEST(test_half_a_cpu) {
        Failure f = FAILURE_NULL;
        Limits l = LIMITS_NULL;
        Budget b = budget_none();

        b.values[BUDGET_CPU] = 50;
        limits_set(&l, LIMIT_CPUS, 1);
        ck_assert_int_eq(budget_check_limits(&b, &l, "limits", &f), 0);
}
END_TEST

START_TEST(test_settings) {
        BoxSettings s = settings_with(10 * MIB);
        Failure f = FAILURE_NULL;
        Budget b = budget_none();

        b.values[BUDGET_STORAGE] = 10 * MIB;
        ck_assert_int_eq(budget_check_settings(&b, &s, "settings", &f), 0);

        s.tmpfs[s.n_tmpfs++].bytes = MIB;
        ck_assert_uint_eq(budget_get_storage(&s), 11 * MIB);
        assert_refused(budget_check_settings(&b, &s, "settings", &f), &f, "settings.tmpfs",
                       "settings.tmpfs is above the user's storage budget of 10485760 bytes (10.0M).");

        s.storage_bytes++;
        assert_refused(budget_check_settings(&b, &s, "settings", &f), &f, "settings.storageBytes",
                       "settings.storageBytes is above the user's storage budget of 10485760 bytes (10.0M).");

        b.values[BUDGET_STORAGE] = BUDGET_NONE;
        b.values[BUDGET_MEMORY] = MIB;
        limits_set(&s.limits, LIMIT_MEMORY, 2 * MIB);
        assert_refused(budget_check_settings(&b, &s, "settings", &f), &f, "settings.limits.memoryBytes",
                       "settings.limits.memoryBytes is above the user's memory budget of 1048576 bytes (1.0M).");
        box_settings_done(&s);
}
END_TEST

START_TEST(test_fill) {
        Limits settings = LIMITS_NULL, l = LIMITS_NULL;
        Budget b = budget_none();
        uint64_t min, max;

        b.values[BUDGET_MEMORY] = 16 * MIB;
        limits_set(&settings, LIMIT_STACK, MIB);
        limits_set(&l, LIMIT_CPU_TIME, 5);
        budget_fill_limits(&b, &settings, &l);

        ck_assert_uint_eq(l.values[LIMIT_CPU_TIME], 5);
        ck_assert_uint_eq(l.values[LIMIT_MEMORY], 16 * MIB);
        ck_assert(!limits_has(&l, LIMIT_STACK));
        ck_assert(!limits_has(&l, LIMIT_CORE));
        limit_range(LIMIT_OUTPUT, &min, &max);
        ck_assert_uint_eq(l.values[LIMIT_OUTPUT], max);
}
END_TEST

START_TEST(test_defaults) {
        BoxSettings s = settings_with(10 * MIB);
        Limits defaults = LIMITS_NULL, *l = &s.limits;
        Budget b = budget_none();

        budget_bound_defaults(&b, &defaults, &s);
        ck_assert_uint_eq(l->set, 0);

        /* The built-in default is more. */
        b.values[BUDGET_MEMORY] = 16 * MIB;
        b.values[BUDGET_CPU] = 100;
        budget_bound_defaults(&b, &defaults, &s);
        ck_assert_uint_eq(l->values[LIMIT_MEMORY], 16 * MIB);
        ck_assert_uint_eq(l->set, 1U << LIMIT_MEMORY);

        /* The configured one is less. */
        *l = LIMITS_NULL;
        limits_set(&defaults, LIMIT_MEMORY, 8 * MIB);
        budget_bound_defaults(&b, &defaults, &s);
        ck_assert_uint_eq(l->set, 0);

        /* What was asked for stays, to be refused. */
        limits_set(l, LIMIT_MEMORY, 32 * MIB);
        budget_bound_defaults(&b, &defaults, &s);
        ck_assert_uint_eq(l->values[LIMIT_MEMORY], 32 * MIB);

        ck_assert_uint_eq(s.storage_bytes, 10 * MIB);
        b.values[BUDGET_STORAGE] = 2 * MIB;
        s.storage_given = true;
        budget_bound_defaults(&b, &defaults, &s);
        ck_assert_uint_eq(s.storage_bytes, 10 * MIB);
        s.storage_given = false;
        budget_bound_defaults(&b, &defaults, &s);
        ck_assert_uint_eq(s.storage_bytes, 2 * MIB);
        box_settings_done(&s);
}
END_TEST

START_TEST(test_slice) {
        CgroupBudget slice = { .memory_bytes = LIMIT_NONE, .processes = LIMIT_NONE, .cpu_usec_per_sec = LIMIT_NONE };
        Budget b = budget_none();

        slice = budget_to_cgroup(&b);
        ck_assert_uint_eq(slice.memory_bytes, LIMIT_NONE);
        ck_assert_uint_eq(slice.processes, LIMIT_NONE);
        ck_assert_uint_eq(slice.cpu_usec_per_sec, LIMIT_NONE);

        b.values[BUDGET_MEMORY] = MIB;
        b.values[BUDGET_CPU] = 250;
        slice = budget_to_cgroup(&b);
        ck_assert_uint_eq(slice.memory_bytes, MIB);
        ck_assert_uint_eq(slice.cpu_usec_per_sec, 2500000);

        /* The admin gives more of one, less of another, and says nothing of a third. */
        slice.memory_bytes = 2 * MIB;
        slice.cpu_usec_per_sec = 500000;
        b.values[BUDGET_TASKS] = 7;
        budget_apply_slice(&b, &slice);
        ck_assert_uint_eq(b.values[BUDGET_MEMORY], 2 * MIB);
        ck_assert_uint_eq(b.values[BUDGET_CPU], 50);
        ck_assert_uint_eq(b.values[BUDGET_TASKS], 7);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_limits, test_half_a_cpu, test_settings, test_fill, test_defaults, test_slice,
        };

        return test_run("budget", tests, ELEMENTSOF(tests), NULL, NULL);
}
