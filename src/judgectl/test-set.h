/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tests of a task: a directory with *.in, and for each of them *.ans or *.out of the same name. */

#include "macro.h"

typedef struct TestCase {
        char *name; /* without .in */
        char *answer_name; /* NAME.ans, or NAME.out where there is no such file */
} TestCase;

typedef struct TestSet {
        int dir_fd;
        TestCase *cases;
        size_t n_cases;
} TestSet;

#define TEST_SET_NULL (TestSet) { .dir_fd = -EBADF }

void test_set_done(TestSet *t);

/* Sorted naturally: 1, 2, 10. Logs; no test at all and a test without an answer are -ENOENT. */
int test_set_load(const char *path, TestSet *ret);

/* Opens a test's files for reading: regular files only. Logs. */
int test_set_open(const TestSet *t, size_t i, int *ret_input_fd, int *ret_answer_fd);
