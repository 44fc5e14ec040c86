/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "json-util.h"
#include "meta.h"
#include "string-util.h"
#include "test-util.h"

#define USED "\"cpuTimeUSec\":1234567,\"wallTimeUSec\":2000999,\"maxRssBytes\":2048,\"voluntarySwitches\":1,\"forcedSwitches\":2," \
             "\"memoryPeakBytes\":4096"
#define STATS "time:1.234\ntime-wall:2.000\nmax-rss:2\ncsw-voluntary:1\ncsw-forced:2\n"

static void check_meta(const char *result, bool control_groups, const char *text, const char *message) {
        _cleanup_json_ json_object *o = result ? json_tokener_parse(result) : NULL;
        _cleanup_(meta_done) Meta m = {};

        ck_assert_int_eq(meta_make(o, control_groups, &m), 0);
        ck_assert_str_eq(m.text, text);
        ck_assert_pstr_eq(m.message, message);
        ck_assert_msg(!m.status == !message && (!m.status || strstr(text, m.status)), "%s", strna(m.status));
}

START_TEST(test_ok) {
        check_meta("{\"verdict\":\"ok\",\"exitStatus\":0," USED "}", false, STATS "exitcode:0\n", NULL);
        check_meta("{\"verdict\":\"ok\",\"exitStatus\":0,\"oomKills\":0," USED "}", true, STATS "cg-mem:4\nexitcode:0\n", NULL);
        /* Of a child. */
        check_meta("{\"verdict\":\"ok\",\"exitStatus\":0,\"oomKills\":1," USED "}", true,
                   STATS "cg-mem:4\ncg-oom-killed:1\nexitcode:0\n", NULL);
}
END_TEST

START_TEST(test_program) {
        check_meta("{\"verdict\":\"runtime-error\",\"exitStatus\":3," USED "}", false,
                   STATS "exitcode:3\nstatus:RE\nmessage:Exited with error status 3\n", "Exited with error status 3");
        check_meta("{\"verdict\":\"signaled\",\"signal\":\"SIGSEGV\"," USED "}", false,
                   STATS "exitsig:11\nstatus:SG\nmessage:Caught fatal signal 11\n", "Caught fatal signal 11");
        check_meta("{\"verdict\":\"signaled\",\"signal\":\"33\"}", false,
                   "exitsig:33\nstatus:SG\nmessage:Caught fatal signal 33\n", "Caught fatal signal 33");
        check_meta("{\"verdict\":\"exec-failed\",\"step\":\"exec\",\"message\":\"m\"}", false,
                   "exitcode:127\nstatus:RE\nmessage:Exited with error status 127\n", "Exited with error status 127");
        check_meta("{\"verdict\":\"security-violation\",\"message\":\"Called ptrace().\"}", false,
                   "exitsig:31\nkilled:1\nstatus:SG\nmessage:Called ptrace().\n", "Called ptrace().");
}
END_TEST

START_TEST(test_limits) {
        check_meta("{\"verdict\":\"memory-limit\",\"oomKills\":1," USED "}", true,
                   STATS "cg-mem:4\ncg-oom-killed:1\nexitsig:9\nstatus:SG\nmessage:Caught fatal signal 9\n",
                   "Caught fatal signal 9");
        check_meta("{\"verdict\":\"cpu-time-limit\",\"signal\":\"SIGKILL\"," USED "}", false,
                   STATS "killed:1\nstatus:TO\nmessage:Time limit exceeded\n", "Time limit exceeded");
        check_meta("{\"verdict\":\"cpu-time-limit\",\"exitStatus\":0," USED "}", false,
                   STATS "status:TO\nmessage:Time limit exceeded\n", "Time limit exceeded");
        check_meta("{\"verdict\":\"wall-time-limit\",\"signal\":\"SIGKILL\"," USED "}", false,
                   STATS "killed:1\nstatus:TO\nmessage:Time limit exceeded (wall clock)\n", "Time limit exceeded (wall clock)");
        check_meta("{\"verdict\":\"idle-limit\"}", false, "killed:1\nstatus:TO\nmessage:Time limit exceeded (wall clock)\n",
                   "Time limit exceeded (wall clock)");
        check_meta("{\"verdict\":\"output-limit\",\"outputExceeded\":\"file\"}", false,
                   "exitsig:25\nstatus:SG\nmessage:Caught fatal signal 25\n", "Caught fatal signal 25");
        check_meta("{\"verdict\":\"output-limit\",\"outputExceeded\":\"stdout\",\"signal\":\"SIGKILL\",\"message\":\"Too much\"}",
                   false, "exitsig:9\nkilled:1\nstatus:SG\nmessage:Too much\n", "Too much");
        check_meta("{\"verdict\":\"output-limit\",\"outputExceeded\":\"stderr\",\"exitStatus\":0,\"message\":\"Too much\"}",
                   false, "killed:1\nstatus:SG\nmessage:Too much\n", "Too much");
}
END_TEST

START_TEST(test_trouble) {
        check_meta("{\"verdict\":\"canceled\"}", false, "killed:1\nstatus:SG\nmessage:Interrupted\n", "Interrupted");
        check_meta("{\"verdict\":\"exec-failed\",\"step\":\"stdin\",\"message\":\"a\\nb\"}", false,
                   "status:XX\nmessage:a b\n", "a b");
        check_meta("{\"verdict\":\"internal-error\",\"message\":\"m\"}", false, "status:XX\nmessage:m\n", "m");
        check_meta("{}", false, "status:XX\nmessage:The sandbox failed\n", "The sandbox failed");
        check_meta(NULL, false, "status:XX\nmessage:The sandbox failed\n", "The sandbox failed");
}
END_TEST

static void check_interrupted(const char *result, int number, const char *text) {
        _cleanup_json_ json_object *o = result ? json_tokener_parse(result) : NULL;
        _cleanup_(meta_done) Meta m = {};

        ck_assert_int_eq(meta_make_interrupted(o, /* control_groups= */ true, number, &m), 0);
        ck_assert_str_eq(m.text, text);
}

START_TEST(test_interrupted) {
        check_interrupted("{\"verdict\":\"canceled\"," USED "}", SIGTERM,
                          STATS "cg-mem:4\nexitsig:15\nkilled:1\nstatus:SG\nmessage:Interrupted\n");
        check_interrupted("{\"verdict\":\"ok\",\"exitStatus\":0," USED "}", SIGINT,
                          STATS "cg-mem:4\nexitsig:2\nkilled:1\nstatus:SG\nmessage:Interrupted\n");
        check_interrupted("{\"verdict\":\"canceled\"," USED "}", SIGABRT,
                          STATS "cg-mem:4\nkilled:1\nstatus:XX\nmessage:Sandbox keeper received fatal signal 6\n");
        check_interrupted(NULL, SIGHUP, "exitsig:1\nkilled:1\nstatus:SG\nmessage:Interrupted\n");
}
END_TEST

START_TEST(test_signal_names) {
        ck_assert_int_eq(signal_from_name("SIGKILL"), SIGKILL);
        ck_assert_int_eq(signal_from_name("SIGSYS"), SIGSYS);
        ck_assert_int_eq(signal_from_name("SIGRTMIN"), SIGRTMIN);
        ck_assert_int_eq(signal_from_name("SIGRTMIN+3"), SIGRTMIN + 3);
        ck_assert_int_eq(signal_from_name("SIGRTMAX-1"), SIGRTMAX - 1);
        ck_assert_int_eq(signal_from_name("33"), 33);
        ck_assert_int_eq(signal_from_name("0"), -EINVAL);
        ck_assert_int_eq(signal_from_name("65"), -EINVAL);
        ck_assert_int_eq(signal_from_name("SIGRTMIN+99"), -EINVAL);
        ck_assert_int_eq(signal_from_name("KILL"), -EINVAL);
        ck_assert_int_eq(signal_from_name("SIGWHAT"), -EINVAL);
        ck_assert_int_eq(signal_from_name(""), -EINVAL);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_ok, test_program, test_limits, test_trouble, test_interrupted, test_signal_names,
        };

        return test_run("meta", tests, ELEMENTSOF(tests), NULL, NULL);
}
