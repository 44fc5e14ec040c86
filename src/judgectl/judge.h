/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Judging a submission: compile it in a box, then for each test give the box back as new, put in what compiling
 * made, and run that on the test's input, which it gets as a descriptor: no run sees another test or what a run
 * before it left behind. The service only runs; whether the output is right is found out here. */

#include "compare.h"
#include "connect.h"
#include "recipe.h"
#include "test-set.h"

#define JUDGE_KEEP_MAX 8U

typedef struct TestResult {
        const char *verdict; /* the run's, or "wrong-answer"; points into result or is static */
        json_object *result;
        bool different;
        Difference difference;
} TestResult;

typedef struct Judge {
        Connection *connection; /* not owned */
        const Recipe *recipe;
        const TestSet *tests;
        json_object *limits; /* for the tests: the recipe's, and what was asked for in place of them */
        const char *profile; /* for the tests, in place of the recipe's; NULL: none was asked for */
        json_object *allowed_paths; /* for the tests; not owned, NULL: none were asked for */
        char *box;
        int keep_fds[JUDGE_KEEP_MAX]; /* what the runs need, sealed */
        bool keep_executable[JUDGE_KEEP_MAX];
        size_t n_keep;
        json_object *compile_result; /* NULL: nothing was compiled */
        char *compile_output;        /* printable */
        TestResult *results;         /* as many as there are tests; verdict NULL: not run */
        bool progress;
} Judge;

/* limits may be NULL; it is the caller's. */
int judge_init(Judge *j, Connection *connection, const Recipe *recipe, const TestSet *tests, json_object *limits);

/* Takes the box away, also after an interruption. */
void judge_done(Judge *j);

/* Makes the box; the request holds what CreateBox is to be asked for. Logs. */
int judge_create_box(Judge *j, Request *q);

/* 1: compiled, or nothing to compile; 0: the compiler refused it; negative: logged, or -EINTR. */
int judge_compile(Judge *j, int source_fd);

/* Runs all tests. Negative only where judging itself failed (logged) or was interrupted. */
int judge_run_tests(Judge *j);

/* "ok", "compile-error", or the verdict of the first test that is not ok. */
const char *judge_verdict(const Judge *j);
size_t judge_count_passed(const Judge *j);

/* STATUS_OK, STATUS_NO, or STATUS_TROUBLE where a run failed by no fault of the program. */
int judge_exit_status(const Judge *j);

/* judge-print.c */
int judge_print(const Judge *j);
int judge_to_json(const Judge *j, const char *submission, json_object **ret);
char *difference_format(const Difference *d);
