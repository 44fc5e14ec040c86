/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Open descriptors of this process, but for the one that counts. */
static inline size_t test_count_fds(void) {
        struct dirent *e;
        size_t n = 0;
        DIR *d;

        d = opendir("/proc/self/fd");
        if (!d)
                return 0;
        while ((e = readdir(d)))
                n += e->d_name[0] != '.';
        closedir(d);
        return n - 1;
}

/* Runs the suite and frees it. Returns what main() is to return. */
static inline int test_run_suite(Suite *s) {
        SRunner *runner = srunner_create(s);
        int failed;

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The same of a suite of these tests, with the fixture around each. */
static inline int test_run(
                const char *name,
                const TTest *const *tests,
                size_t n,
                void (*setup)(void),
                void (*teardown)(void)) {

        Suite *s = suite_create(name);
        TCase *c = tcase_create(name);

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 60);
        for (size_t i = 0; i < n; i++)
                tcase_add_test(c, tests[i]);
        suite_add_tcase(s, c);

        return test_run_suite(s);
}

/* The same, of what nobody else can do. */
static inline int test_run_as_root(
                const char *name,
                const TTest *const *tests,
                size_t n,
                void (*setup)(void),
                void (*teardown)(void)) {

        if (geteuid() != 0) {
                printf("SKIP: %s: not root\n", name);
                return 77;
        }

        return test_run(name, tests, n, setup, teardown);
}
