/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <errno.h>
#include <signal.h>

#include "fd-util.h"
#include "spec.h"
#include "test-util.h"

START_TEST(test_defaults) {
        Limits l = LIMITS_NULL;

        ck_assert_int_eq(limits_apply_defaults(&l), 0);
        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++)
                ck_assert(limits_has(&l, t));

        /* What judgectl(1) promises to somebody who gives no option. */
        ck_assert_uint_eq(l.values[LIMIT_CPU_TIME], 10 * USEC_PER_SEC);
        ck_assert_uint_eq(l.values[LIMIT_WALL_TIME], 30 * USEC_PER_SEC);
        ck_assert_uint_eq(l.values[LIMIT_MEMORY], 256 << 20);
        ck_assert_uint_eq(l.values[LIMIT_PROCESSES], 64);
        ck_assert_uint_eq(l.values[LIMIT_FILE_SIZE], 64 << 20);
        ck_assert_uint_eq(l.values[LIMIT_OUTPUT], 64 << 20);
        ck_assert_uint_eq(l.values[LIMIT_CORE], 0);
}
END_TEST

START_TEST(test_wall_follows_cpu) {
        Limits l = LIMITS_NULL, m = LIMITS_NULL;

        limits_set(&l, LIMIT_CPU_TIME, 2 * USEC_PER_SEC);
        limits_set(&l, LIMIT_EXTRA_TIME, USEC_PER_SEC);
        ck_assert_int_eq(limits_apply_defaults(&l), 0);
        ck_assert_uint_eq(l.values[LIMIT_WALL_TIME], 9 * USEC_PER_SEC);

        limits_set(&m, LIMIT_WALL_TIME, 77);
        ck_assert_int_eq(limits_apply_defaults(&m), 0);
        ck_assert_uint_eq(m.values[LIMIT_WALL_TIME], 77);
}
END_TEST

START_TEST(test_inherit) {
        Limits run = LIMITS_NULL, box = LIMITS_NULL;

        limits_set(&box, LIMIT_MEMORY, 100 << 20);
        limits_set(&box, LIMIT_PROCESSES, 5);
        box.cpu_set = strdup("1");
        limits_set(&run, LIMIT_PROCESSES, 2);

        ck_assert_int_eq(limits_inherit(&run, &box), 0);
        ck_assert_uint_eq(run.values[LIMIT_MEMORY], 100 << 20);
        ck_assert_uint_eq(run.values[LIMIT_PROCESSES], 2);
        ck_assert_str_eq(run.cpu_set, "1");
        ck_assert(!limits_has(&run, LIMIT_CPU_TIME));

        limits_done(&run);
        limits_done(&box);
}
END_TEST

START_TEST(test_ranges) {
        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++) {
                uint64_t min, max;

                limit_range(t, &min, &max);
                ck_assert_uint_lt(min, max);
                ck_assert_uint_lt(max, LIMIT_NONE);
        }
}
END_TEST

START_TEST(test_degraded) {
        _cleanup_strv_free_ char **l = NULL, **none = NULL;

        ck_assert_int_eq(degraded_to_strv(DEGRADED_MEMORY | DEGRADED_CPU_SET, &l), 0);
        ck_assert_uint_eq(strv_length(l), 2);
        ck_assert_str_eq(l[0], "memory");
        ck_assert_str_eq(l[1], "cpuSet");
        ck_assert_int_eq(degraded_to_strv(0, &none), 0);
        ck_assert_uint_eq(strv_length(none), 0);
}
END_TEST

START_TEST(test_messages) {
        Limits l = LIMITS_NULL;
        RunResult r;

        ck_assert_int_eq(limits_apply_defaults(&l), 0);
        run_result_init(&r);

        for (Verdict v = 0; v < _VERDICT_MAX; v++) {
                _cleanup_free_ char *s = NULL;

                r.verdict = v;
                s = run_result_message(&r, &l, "prog");
                ck_assert_ptr_nonnull(s);
                ck_assert_int_eq(s[strlen(s) - 1], '.');
        }

        r.verdict = VERDICT_SIGNALED;
        r.signal = SIGSEGV;
        {
                _cleanup_free_ char *s = run_result_message(&r, &l, "prog");
                ck_assert_str_eq(s, "Killed by SIGSEGV.");
        }

        r.verdict = VERDICT_EXEC_FAILED;
        r.step = STEP_EXEC;
        r.error = ENOENT;
        {
                _cleanup_free_ char *s = run_result_message(&r, &l, "prog");
                ck_assert_str_eq(s, "Could not execute prog (exec: No such file or directory).");
        }

        /* A stream into a file of the caller's ends with what a file may be, where that is less. */
        r.verdict = VERDICT_OUTPUT_LIMIT;
        r.output_stream = 1;
        l.values[LIMIT_OUTPUT] = 2 << 20;
        l.values[LIMIT_FILE_SIZE] = 1 << 20;
        for (r.stdout_bytes = (1 << 20) + 1; r.stdout_bytes <= 2 << 20; r.stdout_bytes += (1 << 20) - 1) {
                _cleanup_free_ char *s = run_result_message(&r, &l, "prog");
                ck_assert_str_eq(s, r.stdout_bytes < 2 << 20 ? "Wrote more than 1.0M to standard output."
                                                            : "Wrote more than 2.0M to standard output.");
        }
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_defaults, test_wall_follows_cpu, test_inherit, test_ranges, test_degraded, test_messages,
        };

        return test_run("spec", tests, ELEMENTSOF(tests), NULL, NULL);
}
