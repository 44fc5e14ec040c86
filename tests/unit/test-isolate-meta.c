/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "isolate-meta.h"
#include "string-util.h"
#include "test-util.h"

/* The meta file itself is in test-meta.c. */
static void check_verdict(const char *result, const char *meta, const char *sentence, int exit_status) {
        _cleanup_(isolate_verdict_done) IsolateVerdict v = {};
        _cleanup_json_ json_object *o = json_tokener_parse(result);

        ck_assert_int_eq(isolate_verdict_make(o, /* control_groups= */ false, &v), 0);
        ck_assert_str_eq(v.meta, meta);
        ck_assert_str_eq(v.sentence, sentence);
        ck_assert_int_eq(v.exit_status, exit_status);
}

START_TEST(test_verdicts) {
        check_verdict("{\"verdict\":\"ok\",\"exitStatus\":0,\"cpuTimeUSec\":1234567,\"wallTimeUSec\":2000999}",
                      "time:1.234\ntime-wall:2.000\nexitcode:0\n", "OK (1.234 sec real, 2.000 sec wall)", 0);
        check_verdict("{\"verdict\":\"runtime-error\",\"exitStatus\":3}",
                      "exitcode:3\nstatus:RE\nmessage:Exited with error status 3\n", "Exited with error status 3", 1);
        check_verdict("{\"verdict\":\"cpu-time-limit\"}", "killed:1\nstatus:TO\nmessage:Time limit exceeded\n",
                      "Time limit exceeded", 1);
        check_verdict("{\"verdict\":\"internal-error\",\"message\":\"m\"}", "status:XX\nmessage:m\n", "m", 2);
}
END_TEST

static void check_interrupted(int number, const char *sentence, int exit_status) {
        _cleanup_(isolate_verdict_done) IsolateVerdict v = {};

        ck_assert_int_eq(isolate_verdict_make_interrupted(NULL, /* control_groups= */ true, number, &v), 0);
        ck_assert_str_eq(v.sentence, sentence);
        ck_assert_int_eq(v.exit_status, exit_status);
}

START_TEST(test_interrupted) {
        check_interrupted(SIGTERM, "Interrupted", 1);
        check_interrupted(SIGABRT, "Sandbox keeper received fatal signal 6", 2);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_verdicts, test_interrupted };

        return test_run("isolate-meta", tests, ELEMENTSOF(tests), NULL, NULL);
}
