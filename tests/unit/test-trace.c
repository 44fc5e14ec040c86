/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "test-util.h"
#include "trace.h"

START_TEST(test_each_once) {
        _cleanup_(observed_done) Observed o = {};
        _cleanup_(trace_freep) Trace *t = NULL;

        ck_assert_int_eq(trace_new(&t), 0);
        for (int i = 0; i < 3; i++) {
                trace_add(t, PATH_READ, 2, "/a");
                trace_add(t, PATH_WRITE, 2, "/a");
                trace_add(t, PATH_READ, 257, "/a");
                trace_add(t, PATH_READ, 2, "/b");
        }
        trace_take(t, &o);

        ck_assert(o.traced);
        ck_assert_uint_eq(o.n_trace, 4);
        ck_assert_uint_eq(o.trace_dropped, 0);
        for (size_t i = 0; i < 4; i++)
                ck_assert_uint_eq(o.trace[i].count, 3);
        ck_assert_int_eq(o.trace[1].class, PATH_WRITE);
        ck_assert_int_eq(o.trace[2].number, 257);
        ck_assert_str_eq(o.trace[3].path, "/b");
}
END_TEST

START_TEST(test_too_many) {
        _cleanup_(observed_done) Observed o = {};
        _cleanup_(trace_freep) Trace *t = NULL;
        char path[32];

        ck_assert_int_eq(trace_new(&t), 0);
        for (unsigned i = 0; i < TRACE_ENTRIES_MAX + 10; i++) {
                (void) snprintf(path, sizeof(path), "/%u", i);
                trace_add(t, PATH_STAT, 4, path);
        }
        trace_add(t, PATH_STAT, 4, "/0"); /* there already */
        trace_take(t, &o);

        ck_assert_uint_eq(o.n_trace, TRACE_ENTRIES_MAX);
        ck_assert_uint_eq(o.trace_dropped, 10);
        ck_assert_uint_eq(o.trace[0].count, 2);
        ck_assert_str_eq(o.trace[2047].path, "/2047");
}
END_TEST

START_TEST(test_too_long) {
        _cleanup_(observed_done) Observed o = {};
        _cleanup_(trace_freep) Trace *t = NULL;
        static char path[4096];
        size_t bytes = 0;

        ck_assert_int_eq(trace_new(&t), 0);
        memset(path, 'x', sizeof(path) - 1);
        for (int i = 0; i < 100; i++) {
                (void) snprintf(path, 5, "/%03i", i);
                path[4] = 'x';
                trace_add(t, PATH_STAT, 4, path);
        }
        trace_add(t, PATH_STAT, 4, "/short enough");
        trace_take(t, &o);

        for (size_t i = 0; i < o.n_trace; i++)
                bytes += strlen(o.trace[i].path);
        ck_assert_uint_le(bytes, TRACE_BYTES_MAX);
        ck_assert_uint_eq(o.n_trace, TRACE_BYTES_MAX / 4095 + 1);
        ck_assert_uint_eq(o.n_trace + o.trace_dropped, 101);
        ck_assert_str_eq(o.trace[o.n_trace - 1].path, "/short enough");
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_each_once, test_too_many, test_too_long };

        return test_run("trace", tests, ELEMENTSOF(tests), NULL, NULL);
}
