/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <stdlib.h>

#include "bus-usage.h"
#include "macro.h"
#include "test-util.h"

static BusUsage *table = NULL;

static void add(uid_t uid, BusCost cost) {
        BusBound bound;

        ck_assert_int_eq(bus_usage_add(&table, uid, &cost, &bound), 1);
}

static void refused(uid_t uid, BusCost cost, const char *wanted) {
        char got[64];
        BusBound bound;

        ck_assert_int_eq(bus_usage_add(&table, uid, &cost, &bound), 0);
        (void) snprintf(got, sizeof(got), "%u %s", bound.max, bound.of);
        ck_assert_str_eq(got, wanted);
}

/* One uid's calls are no other's, and what is answered makes room. */
static void check_bound(BusCost cost, size_t n, const char *bound) {
        for (size_t i = 0; i < n; i++)
                add(1, cost);
        refused(1, cost, bound);
        add(2, cost);
        bus_usage_remove(&table, 2, &cost);

        bus_usage_remove(&table, 1, &cost);
        add(1, cost);
        refused(1, cost, bound);
        for (size_t i = 0; i < n; i++)
                bus_usage_remove(&table, 1, &cost);
        ck_assert_ptr_null(table);
}

START_TEST(test_bounds) {
        check_bound((BusCost) {}, BUS_USAGE_CALLS_MAX, "256 calls beside runs");
        check_bound((BusCost) { .run = true }, BUS_USAGE_BYTES_MAX / BUS_USAGE_CALL_BYTES, "64 MiB of calls");
        check_bound((BusCost) { .run = true, .n_fds = 16 }, BUS_USAGE_FDS_MAX / 16, "4096 descriptors");
        check_bound((BusCost) { .run = true, .n_bytes = 1024 * 1024 }, 63, "64 MiB of calls");
}
END_TEST

START_TEST(test_runs_beside_calls) {
        const BusCost call = {}, run = { .run = true };

        for (size_t i = 0; i < BUS_USAGE_CALLS_MAX; i++)
                add(1, call);
        add(1, run);
        refused(1, call, "256 calls beside runs");
        for (size_t i = 0; i < BUS_USAGE_CALLS_MAX; i++)
                bus_usage_remove(&table, 1, &call);
        ck_assert_ptr_nonnull(table);
        bus_usage_remove(&table, 1, &run);
        ck_assert_ptr_null(table);
}
END_TEST

/* Who is refused and has nothing else leaves nothing behind. */
START_TEST(test_refused_at_once) {
        refused(1, (BusCost) { .n_fds = BUS_USAGE_FDS_MAX + 1 }, "4096 descriptors");
        refused(1, (BusCost) { .n_bytes = BUS_USAGE_BYTES_MAX }, "64 MiB of calls");
        refused(1, (BusCost) { .n_bytes = SIZE_MAX }, "64 MiB of calls");
        ck_assert_ptr_null(table);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_bounds, test_runs_beside_calls, test_refused_at_once };

        return test_run("bus-usage", tests, ELEMENTSOF(tests), NULL, NULL);
}
