/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "capture.h"
#include "error.h"
#include "result.h"
#include "string-util.h"
#include "test-util.h"

START_TEST(test_exit_status) {
        static const struct {
                const char *verdict;
                int status;
        } table[] = {
                { "ok", 0 },           { "runtime-error", 1 }, { "signaled", 1 },           { "cpu-time-limit", 1 },
                { "memory-limit", 1 }, { "canceled", 1 },      { "security-violation", 1 }, { "exec-failed", 1 },
                { "internal-error", 2 },
        };
        _cleanup_json_ json_object *none = json_object_new_object();

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_json_ json_object *o = json_object_new_object();

                ck_assert_int_eq(json_add_string(o, "verdict", table[i].verdict), 0);
                ck_assert_int_eq(result_exit_status(o), table[i].status);
        }

        /* A reply that says nothing is no success. */
        ck_assert_int_eq(result_exit_status(none), 2);
}
END_TEST

static void check_print(const char *result, const char *expected) {
        _cleanup_json_ json_object *o = json_tokener_parse(result);
        _cleanup_free_ char *text = NULL;
        Capture c = capture_begin(stdout);

        result_print(stdout, o);
        text = capture_end(&c);
        ck_assert_str_eq(text, expected);
}

START_TEST(test_print) {
        check_print("{\"verdict\":\"ok\",\"message\":\"Exited.\",\"cpuTimeUSec\":1500,\"userTimeUSec\":1000,"
                    "\"systemTimeUSec\":500,\"wallTimeUSec\":2000,\"memoryPeakBytes\":1048576,\"processLimitHits\":0,"
                    "\"oomKills\":0,\"degraded\":[]}",
                    "     Verdict: ok (Exited.)\n"
                    "    CPU time: 1.5ms (user 1.0ms, system 500us)\n"
                    "   Wall time: 2.0ms\n"
                    "      Memory: 1.0M\n");
        check_print("{\"verdict\":\"ok\",\"cpuTimeUSec\":100000,\"memoryPeakBytes\":4194304,"
                    "\"memoryShmemBytes\":2097152,\"cpuPressureUSec\":7000,\"forcedSwitches\":100}",
                    "     Verdict: ok\n"
                    "    CPU time: 100.0ms\n"
                    "      Memory: 4.0M (files in memory at the end: 2.0M)\n"
                    "       Noise: waited 7.0ms for a CPU\n");
        /* Little of it is no noise; switches count where the kernel says nothing better. */
        check_print("{\"verdict\":\"ok\",\"cpuTimeUSec\":1000000,\"cpuPressureUSec\":49000,\"forcedSwitches\":100}",
                    "     Verdict: ok\n"
                    "    CPU time: 1.000s\n");
        check_print("{\"verdict\":\"ok\",\"cpuTimeUSec\":1000000,\"forcedSwitches\":50}",
                    "     Verdict: ok\n"
                    "    CPU time: 1.000s\n"
                    "       Noise: 50 forced switches\n");
        /* What is not known is not shown as 0; what others wrote is not obeyed. */
        check_print("{\"verdict\":\"security-violation\",\"message\":\"\\u001b[2J\",\"cpuTimeUSec\":7,\"maxRssBytes\":1024,"
                    "\"processLimitHits\":3,\"violation\":{\"syscall\":\"ptrace\",\"arguments\":[16,1],"
                    "\"architecture\":\"x86-64\"},\"degraded\":[\"memory\",\"cpus\"]}",
                    "     Verdict: security-violation (\\x1b[2J)\n"
                    "    CPU time: 7us\n"
                    "      Memory: 1.0K (largest process)\n"
                    "     Refused: 3 processes or threads beyond the limit\n"
                    "   Violation: ptrace(16, 1), x86-64\n"
                    "    Degraded: memory, cpus (not enforced by a cgroup)\n");
        check_print("{\"verdict\":\"security-violation\",\"violation\":{\"syscall\":\"openat\",\"path\":\"/a\\u0007\","
                    "\"arguments\":[-100,4095,4096,-4096],\"architecture\":\"x86_64\"}}",
                    "     Verdict: security-violation\n"
                    "   Violation: openat(-100, 4095, 0x1000, 0xfffffffffffff000), x86_64, /a\\x07\n");
}
END_TEST

START_TEST(test_trace) {
        check_print("{\"verdict\":\"ok\",\"trace\":{\"entries\":["
                    "{\"class\":\"read\",\"syscall\":\"openat\",\"path\":\"/etc/passwd\",\"count\":12},"
                    "{\"class\":\"exec\",\"syscall\":\"execve\",\"path\":\"\\u001b[2J\",\"count\":1},"
                    "{\"class\":\"stat\",\"syscall\":\"stat\",\"pathBase64\":\"/w==\",\"count\":3}],\"dropped\":0}}",
                    "     Verdict: ok\n"
                    "\n"
                    "CLASS SYSCALL COUNT PATH\n"
                    "read  openat     12 /etc/passwd\n"
                    "exec  execve      1 \\x1b[2J\n"
                    "stat  stat        3 (not UTF-8; see --json)\n");
        check_print("{\"verdict\":\"ok\",\"trace\":{\"entries\":[],\"dropped\":7}}",
                    "     Verdict: ok\n"
                    "\n"
                    "CLASS SYSCALL COUNT PATH\n"
                    "\n"
                    "The list is full: 7 more calls named paths that are not in it.\n");
}
END_TEST

static void check_error(const char *error, const char *parameters, const char *expected) {
        _cleanup_json_ json_object *o = json_tokener_parse(parameters);
        _cleanup_free_ char *text = NULL;

        text = error_to_sentence(error, o);
        ck_assert_str_eq(text, expected);
}

START_TEST(test_errors) {
        check_error("org.judgebox.Manager.LimitOutOfRange",
                    "{\"field\":\"limits.memoryBytes\",\"message\":\"between 1M and 4G\"}",
                    "Value of --memory= is not allowed: between 1M and 4G");
        check_error("org.judgebox.Manager.LimitOutOfRange",
                    "{\"field\":\"limits.memoryBytes\",\"message\":\"limits.memoryBytes must be from 1 to 2\"}",
                    "--memory= must be from 1 to 2");
        check_error("org.judgebox.Manager.LimitOutOfRange",
                    "{\"field\":\"settings.limits.wallTimeUSec\",\"message\":\"settings.limits.wallTimeUSec must be from 1 to 20.\"}",
                    "--wall-time= must be from 1 to 20 microseconds.");
        check_error("org.judgebox.Manager.LimitOutOfRange",
                    "{\"field\":\"limits.stackBytes\",\"message\":\"limits.stackBytes must be from 1 to 20.\"}",
                    "--stack= must be from 1 to 20 bytes.");
        check_error("org.judgebox.Manager.LimitOutOfRange",
                    "{\"field\":\"limits.processes\",\"message\":\"limits.processes must be from 1 to 20.\"}",
                    "--processes= must be from 1 to 20.");
        check_error("org.judgebox.Manager.LimitOutOfRange",
                    "{\"field\":\"limits.cpuSet\",\"message\":\"limits.cpuSet names one twice.\"}", "--cpu-set= names one twice.");
        check_error("org.judgebox.Manager.LimitOutOfRange",
                    "{\"field\":\"settings.binds[2].path\",\"message\":\"m\"}", "Value of --bind= is not allowed: m");
        check_error("org.varlink.service.InvalidParameter", "{\"parameter\":\"settings.limits.cpuSet\"}",
                    "The service does not accept what was given for --cpu-set=.");
        check_error("org.varlink.service.InvalidParameter", "{\"parameter\":\"settings.binds[1].tag\"}",
                    "The service does not accept what was given for --bind=: it takes a file or directory, for rw one of your own, "
                    "and an absolute path outside /proc and /dev.");
        check_error("org.varlink.service.InvalidParameter", "{\"parameter\":\"settings.profile\"}",
                    "The service does not accept what was given for --profile=: judgectl profile list shows what there is.");
        check_error("org.varlink.service.InvalidParameter", "{\"parameter\":\"x\\u0007\"}",
                    "The service does not accept what was given for x\\x07.");
        check_error("org.varlink.service.PermissionDenied", "{}", "Permission denied.");
        check_error("org.judgebox.Manager.NoSuchBox", "{\"box\":\"5\"}", "There is no box \"5\".");
        check_error("org.judgebox.Manager.QuotaExceeded", "{\"resource\":\"boxes\",\"limit\":3}",
                    "Your budget is used up: boxes, at most 3");
        check_error("org.judgebox.Manager.NotSupported", "{\"missing\":[\"memory\",\"pids\"],\"message\":\"m\"}",
                    "This host cannot do it: m (missing: memory, pids)");
        check_error("org.judgebox.Manager.FileError",
                    "{\"path\":\"a\\u001bb\",\"error\":\"ENOSPC\",\"message\":\"No space left on device\"}",
                    "In the box: a\\x1bb: No space left on device (ENOSPC)");
        check_error("org.judgebox.Manager.FileError",
                    "{\"path\":\"a\",\"error\":\"ENOSPC\",\"message\":\"a: No space left on device\"}",
                    "In the box: a: No space left on device");
        check_error("org.judgebox.Manager.AskOverBus", "{\"message\":\"Ask \\u0007 over D-Bus.\"}", "Ask \\x07 over D-Bus.");
        check_error("org.judgebox.Manager.LimitOutOfRange",
                    "{\"field\":\"priority\",\"message\":\"priority must be from -10 to 10\"}",
                    "--priority= must be from -10 to 10");
        check_error("org.judgebox.Manager.LimitOutOfRange", "{\"field\":\"settings.directoryFileDescriptor\",\"message\":\"m\"}",
                    "Value of --directory= is not allowed: m");
        check_error("org.judgebox.Manager.FromTheFuture", "{}", "The service refused: FromTheFuture");
        check_error("io.systemd.System", "{\"errno\":12}", "The service failed: Cannot allocate memory");
        check_error("com.example.Odd", "{}", "com.example.Odd");
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_exit_status, test_print, test_trace, test_errors,
        };

        return test_run("result", tests, ELEMENTSOF(tests), NULL, NULL);
}
