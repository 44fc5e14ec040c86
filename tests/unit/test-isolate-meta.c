/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "isolate-meta.h"
#include "string-util.h"

#define USED "\"cpuTimeUSec\":1234567,\"wallTimeUSec\":2000999,\"maxRssBytes\":2048,\"voluntarySwitches\":1,\"forcedSwitches\":2," \
             "\"memoryPeakBytes\":4096"
#define STATS "time:1.234\ntime-wall:2.000\nmax-rss:2\ncsw-voluntary:1\ncsw-forced:2\n"

static const struct {
        const char *result, *meta, *sentence;
        bool control_groups;
        int exit_status;
} table[] = {
        { "{\"verdict\":\"ok\",\"exitStatus\":0," USED "}", STATS "exitcode:0\n",
          "OK (1.234 sec real, 2.000 sec wall)", false, 0 },
        { "{\"verdict\":\"ok\",\"exitStatus\":0," USED "}", STATS "cg-mem:4\nexitcode:0\n",
          "OK (1.234 sec real, 2.000 sec wall)", true, 0 },
        { "{\"verdict\":\"runtime-error\",\"exitStatus\":3," USED "}",
          STATS "exitcode:3\nstatus:RE\nmessage:Exited with error status 3\n", "Exited with error status 3", false, 1 },
        { "{\"verdict\":\"signaled\",\"signal\":\"SIGSEGV\"," USED "}",
          STATS "exitsig:11\nstatus:SG\nmessage:Caught fatal signal 11\n", "Caught fatal signal 11", false, 1 },
        { "{\"verdict\":\"memory-limit\",\"oomKills\":1," USED "}",
          STATS "cg-mem:4\ncg-oom-killed:1\nexitsig:9\nstatus:SG\nmessage:Caught fatal signal 9\n", "Caught fatal signal 9", true,
          1 },
        { "{\"verdict\":\"cpu-time-limit\",\"signal\":\"SIGKILL\"," USED "}",
          STATS "killed:1\nstatus:TO\nmessage:Time limit exceeded\n", "Time limit exceeded", false, 1 },
        { "{\"verdict\":\"cpu-time-limit\",\"exitStatus\":0," USED "}", STATS "status:TO\nmessage:Time limit exceeded\n",
          "Time limit exceeded", false, 1 },
        { "{\"verdict\":\"wall-time-limit\",\"signal\":\"SIGKILL\"," USED "}",
          STATS "killed:1\nstatus:TO\nmessage:Time limit exceeded (wall clock)\n", "Time limit exceeded (wall clock)", false, 1 },
        { "{\"verdict\":\"output-limit\"," USED "}", STATS "exitsig:25\nstatus:SG\nmessage:Caught fatal signal 25\n",
          "Caught fatal signal 25", false, 1 },
        { "{\"verdict\":\"canceled\"}", "killed:1\nstatus:SG\nmessage:Interrupted\n", "Interrupted", false, 1 },
        { "{\"verdict\":\"exec-failed\",\"step\":\"exec\",\"message\":\"m\"}",
          "exitcode:127\nstatus:RE\nmessage:Exited with error status 127\n", "Exited with error status 127", false, 1 },
        { "{\"verdict\":\"exec-failed\",\"step\":\"stdin\",\"message\":\"a\\nb\"}", "status:XX\nmessage:a b\n", "a b", false, 2 },
        { "{\"verdict\":\"internal-error\",\"message\":\"m\"}", "status:XX\nmessage:m\n", "m", false, 2 },
        { "{}", "status:XX\nmessage:The sandbox failed\n", "The sandbox failed", false, 2 },
};

START_TEST(test_verdicts) {
        _cleanup_(isolate_verdict_done) IsolateVerdict v = {};
        _cleanup_json_ json_object *o = json_tokener_parse(table[_i].result);

        ck_assert_ptr_nonnull(o);
        ck_assert_int_eq(isolate_verdict_make(o, table[_i].control_groups, &v), 0);
        ck_assert_str_eq(v.meta, table[_i].meta);
        ck_assert_str_eq(v.sentence, table[_i].sentence);
        ck_assert_int_eq(v.exit_status, table[_i].exit_status);
}
END_TEST

static const struct {
        const char *result, *meta, *sentence;
        int number, exit_status;
} interrupted[] = {
        { "{\"verdict\":\"canceled\"," USED "}", STATS "cg-mem:4\nexitsig:15\nkilled:1\nstatus:SG\nmessage:Interrupted\n",
          "Interrupted", SIGTERM, 1 },
        { "{\"verdict\":\"ok\",\"exitStatus\":0," USED "}",
          STATS "cg-mem:4\nexitsig:2\nkilled:1\nstatus:SG\nmessage:Interrupted\n", "Interrupted", SIGINT, 1 },
        { "{\"verdict\":\"canceled\"," USED "}",
          STATS "cg-mem:4\nkilled:1\nstatus:XX\nmessage:Sandbox keeper received fatal signal 6\n",
          "Sandbox keeper received fatal signal 6", SIGABRT, 2 },
        { NULL, "exitsig:1\nkilled:1\nstatus:SG\nmessage:Interrupted\n", "Interrupted", SIGHUP, 1 },
};

START_TEST(test_interrupted) {
        _cleanup_(isolate_verdict_done) IsolateVerdict v = {};
        _cleanup_json_ json_object *o = interrupted[_i].result ? json_tokener_parse(interrupted[_i].result) : NULL;

        ck_assert_int_eq(isolate_verdict_make_interrupted(o, /* control_groups= */ true, interrupted[_i].number, &v), 0);
        ck_assert_str_eq(v.meta, interrupted[_i].meta);
        ck_assert_str_eq(v.sentence, interrupted[_i].sentence);
        ck_assert_int_eq(v.exit_status, interrupted[_i].exit_status);
}
END_TEST

int main(void) {
        SRunner *runner;
        Suite *suite;
        TCase *t;
        int failed;

        suite = suite_create("isolate-meta");
        t = tcase_create("meta");
        tcase_add_loop_test(t, test_verdicts, 0, (int) ELEMENTSOF(table));
        tcase_add_loop_test(t, test_interrupted, 0, (int) ELEMENTSOF(interrupted));
        suite_add_tcase(suite, t);

        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
