/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>

#include "cpu-pool.h"
#include "parse-util.h"
#include "test-util.h"

/* A machine of four cores: 0 and 4, 1 and 5, and so on; and what the kernel says of each CPU. */

static char root[] = "/tmp/test-cpu-pool-XXXXXX";
static CpuPool *pool;

static void make_topology(void) {
        char command[512];

        ck_assert_ptr_nonnull(mkdtemp(root));
        (void) snprintf(command, sizeof(command),
                        "for i in 0 1 2 3 4 5 6 7; do d=%s/sys/devices/system/cpu/cpu$i/topology; mkdir -p $d; "
                        "echo $((i %% 4)),$((i %% 4 + 4)) >$d/thread_siblings_list; done", root);
        ck_assert_int_eq(system(command), 0);
}

static cpu_set_t set_of(const char *list) {
        cpu_set_t set;

        ck_assert_int_eq(parse_cpu_set(list, &set), 0);
        return set;
}

static void assert_set(const cpu_set_t *set, const char *expected) {
        char *list = format_cpu_set(set);

        ck_assert_str_eq(list, expected);
        free(list);
}

static void setup(void) {
        cpu_set_t all = set_of("0-7");

        make_topology();
        ck_assert_int_eq(cpu_pool_new(&pool), 0);
        cpu_pool_set(pool, &all, root);
}

static void teardown(void) {
        char command[64];

        (void) snprintf(command, sizeof(command), "rm -r %s", root);
        ck_assert_int_eq(system(command), 0);
        pool = cpu_pool_free(pool);
}

START_TEST(test_whole_cores) {
        CpuLease a = {}, b = {}, c = {};

        ck_assert_uint_eq(cpu_pool_get_n_cores(pool), 4);
        ck_assert(cpu_pool_take(pool, 1, &a));
        assert_set(&a.cores, "0,4");
        assert_set(&a.usable, "0");
        ck_assert(cpu_pool_take(pool, 2, &b));
        assert_set(&b.usable, "1-2");
        ck_assert(!cpu_pool_take(pool, 2, &c));
        ck_assert_ptr_null(c.pool);

        cpu_pool_release(&a);
        cpu_pool_release(&a);
        ck_assert(cpu_pool_take(pool, 2, &c));
        assert_set(&c.usable, "0,3");
        ck_assert(!cpu_pool_take(pool, 1, &a));

        cpu_pool_release(&b);
        cpu_pool_release(&c);
}
END_TEST

/* Who wants more than there is waits until it is all free, and not for ever. */
START_TEST(test_more_than_there_are) {
        CpuLease a = {}, b = {};

        ck_assert(cpu_pool_take(pool, 1, &a));
        ck_assert(!cpu_pool_take(pool, 100, &b));
        cpu_pool_release(&a);
        ck_assert(cpu_pool_take(pool, 100, &b));
        assert_set(&b.usable, "0-3");
        cpu_pool_release(&b);
}
END_TEST

/* A part of the machine; what was given out before stays taken. */
START_TEST(test_changes) {
        cpu_set_t some = set_of("0,2,6,7");
        CpuLease a = {}, b = {}, c = {};

        ck_assert(cpu_pool_take(pool, 3, &a));
        assert_set(&a.usable, "0-2");
        cpu_pool_set(pool, &some, root);
        ck_assert_uint_eq(cpu_pool_get_n_cores(pool), 3);
        ck_assert(cpu_pool_take(pool, 1, &b));
        assert_set(&b.cores, "7");
        ck_assert(!cpu_pool_take(pool, 1, &c));

        cpu_pool_release(&a);
        ck_assert(cpu_pool_take(pool, 2, &c));
        assert_set(&c.cores, "0,2,6");
        cpu_pool_release(&b);
        cpu_pool_release(&c);
}
END_TEST

/* After a restart; and where the kernel tells nothing of cores. */
START_TEST(test_adopted) {
        cpu_set_t used = set_of("0"), all = set_of("0-1"), none = {};
        CpuLease a = {}, b = {}, c = {};

        cpu_pool_set(pool, &all, "/nonexistent");
        cpu_pool_adopt(pool, &used, &a);
        cpu_pool_adopt(pool, &none, &b);
        ck_assert(!cpu_pool_take(pool, 2, &c));
        ck_assert(cpu_pool_take(pool, 1, &c));
        assert_set(&c.usable, "1");
        cpu_pool_release(&a);
        cpu_pool_release(&b);
        cpu_pool_release(&c);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_whole_cores, test_more_than_there_are, test_changes, test_adopted };

        return test_run("cpu-pool", tests, ELEMENTSOF(tests), setup, teardown);
}
