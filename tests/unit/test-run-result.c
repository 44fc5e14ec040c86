/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <signal.h>

#include "fd-util.h"
#include "run-internal.h"
#include "test-util.h"

/* What is made of a run's end, given what its cgroup and wait(2) say. */

static const Root root;

static int file(const char *text) {
        int fd = memfd_new_sealed("test", text, strlen(text));

        ck_assert_int_ge(fd, 0);
        return fd;
}

/* Killed, within all limits of time. */
static Run *killed_run(const char *memory_events) {
        int fds[_RUN_CGROUP_FD_MAX];
        Run *r;

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = -EBADF;
        fds[RUN_CGROUP_CPU_STAT] = file("usage_usec 1000\nuser_usec 500\nsystem_usec 500\n");
        fds[RUN_CGROUP_MEMORY_EVENTS] = file(memory_events);

        ck_assert_int_eq(run_new(1, fds, &r), 0);
        ck_assert_int_eq(limits_apply_defaults(&r->spec.limits), 0);
        r->root = &root;
        r->main_status = SIGKILL;
        return r;
}

START_TEST(test_out_of_memory) {
        static const struct {
                const char *events;
                Verdict verdict;
        } cases[] = {
                { "low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 1\n", VERDICT_MEMORY_LIMIT },
                { "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n", VERDICT_SIGNALED },
                { "low 0\nhigh 0\nmax 7\noom 0\noom_kill 0\noom_group_kill 0\n", VERDICT_SIGNALED },
                /* Somebody else's limit. */
                { "low 0\nhigh 0\nmax 0\noom 0\noom_kill 2\noom_group_kill 1\n", VERDICT_INTERNAL_ERROR },
                /* Nothing else is known. */
                { "oom_kill 1\n", VERDICT_MEMORY_LIMIT },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Run *r = killed_run(cases[i].events);

                run_fill_result(r);
                ck_assert_msg(r->result.verdict == cases[i].verdict, "%s: %s", cases[i].events,
                              verdict_to_string(r->result.verdict));
                ck_assert_int_eq(r->result.error, cases[i].verdict == VERDICT_INTERNAL_ERROR ? ENOMEM : 0);
                (void) run_free(r);
        }
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_out_of_memory };

        return test_run("run-result", tests, ELEMENTSOF(tests), NULL, NULL);
}
