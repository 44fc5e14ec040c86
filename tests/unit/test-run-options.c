/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "capture.h"
#include "run-options.h"
#include "string-util.h"
#include "test-util.h"

/* Splits at blanks, as a shell would; 1, 0 or negative like run_options_parse(), and the request if all is well. */
static int parse(const char *command_line, char **ret_request, size_t *ret_n_fds) {
        static const Verb verb = { .name = "run", .private_ok = true };
        _cleanup_strv_free_ char **words = NULL, **argv = NULL;
        _cleanup_(run_options_done) RunOptions o = {};
        _cleanup_(request_done) Request q = REQUEST_NULL;
        Context c = CONTEXT_INIT;
        int r;

        c.verb = &verb;
        ck_assert_int_eq(strv_split(command_line, " ", &words), 0);
        ck_assert_int_eq(strv_extend(&argv, "judgectl"), 0);
        STRV_FOREACH(w, words)
                ck_assert_int_eq(strv_extend(&argv, *w), 0);

        r = run_options_parse(&o, &c, (int) strv_length(argv), argv);
        if (r <= 0)
                return r;

        r = run_options_make_request(&o, &c, &q);
        if (r < 0)
                return r;

        if (ret_request)
                *ret_request = strdup(json_object_to_json_string_ext(
                                q.parameters, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        if (ret_n_fds)
                *ret_n_fds = q.n_fds;
        return 1;
}

static void check_refused(const char *command_line, const char *named) {
        _cleanup_free_ char *log = NULL;
        Capture c = capture_begin(stderr);
        int r;

        r = parse(command_line, NULL, NULL);
        log = capture_end(&c);

        ck_assert_msg(r < 0, "%s", command_line);
        ck_assert_msg(strstr(log, named), "%s: %s", command_line, log);
}

static void check_request(const char *command_line, const char *expected) {
        _cleanup_free_ char *request = NULL;

        ck_assert_msg(parse(command_line, &request, NULL) == 1, "%s", command_line);
        ck_assert_str_eq(request, expected);
}

START_TEST(test_refused_values) {
        static const struct {
                const char *options, *named;
        } table[] = {
                { "-t abc", "--time=" },
                { "-t -1", "--time=" },
                { "-t 1h", "--time=" },
                { "--time=", "--time=" },
                { "--time=1,5", "--time=" },
                { "--time=99999999999999999999", "--time=" },
                { "-w inf", "--wall-time=" },
                { "--extra-time=x", "--extra-time=" },
                { "--idle-time=1e3", "--idle-time=" },
                { "-m 64Q", "--memory=" },
                { "-m 1.5", "--memory=" },
                { "-m 9223372036854775808", "--memory=" },
                { "-p 1.5", "--processes=" },
                { "-p -1", "--processes=" },
                { "--stack=big", "--stack=" },
                { "--file-size=0x10", "--file-size=" },
                { "--output-size=1GG", "--output-size=" },
                { "--open-files=many", "--open-files=" },
                { "--cpus=1.5", "--cpus=" },
                { "--cpu-set=3-1", "--cpu-set=" },
                { "--cpu-set=", "--cpu-set=" },
                { "--storage=none", "--storage=" },
                { "--inodes=1K", "--inodes=" },
                { "--bind=", "--bind=" },
                { "--bind=/usr:/x:/y", "--bind=" },
                { "--bind=/usr:rx", "--bind=" },
                { "--bind=/usr:/usr:rw,", "--bind=" },
                { "--bind=/usr:/a/../b", "--bind=" },
                { "--bind=usr", "--bind=" },
                { "--bind=/a:/b:rw:noexec", "--bind=" },
                { "--bind=/does/not/exist", "/does/not/exist" },
                { "--tmpfs=x", "--tmpfs=" },
                { "--allow-path=", "--allow-path=" },
                { "--allow-path=/usr", "--allow-path=" },
                { "--allow-path=/usr:", "--allow-path=" },
                { "--allow-path=:read", "--allow-path=" },
                { "--allow-path=/usr:rx", "rx" },
                { "--allow-path=/usr:read,", "--allow-path=" },
                { "--allow-path=/usr/../etc:read", "--allow-path=" },
                { "--allow-path=/usr:read:write", "--allow-path=" },
                { "--allow-path=/\xff:read", "--allow-path=" },
                { "--tmpfs=/x:", "--tmpfs=" },
                { "--tmpfs=/x:1:2", "--tmpfs=" },
                { "--hostname=", "--hostname=" },
                { "--domainname=", "--domainname=" },
                { "--box=a/b", "a/b" },
                { "--box=", "box" },
                { "--in=", "--in=" },
                { "--in=/etc/passwd:../x", "--in=" },
                { "--in=/etc/passwd:x/", "--in=" },
                { "--in=/does/not/exist", "--in=" },
                { "--in=/dev/null:x", "--in=" },
                { "--in=/usr:x", "--in=" },
                { "--out=../x", "--out=" },
                { "--out=a:b:c", "--out=" },
                { "--out=a:", "--out=" },
                { "-E =x", "--env=" },
                { "--env=", "--env=" },
                { "--chdir=../x", "--chdir=" },
                { "--exec-file=/does/not/exist", "--exec-file=" },
                { "--exec-file=/usr", "--exec-file=" },
                { "--meta=", "--meta=" },
                { "--stdin=", "--stdin=" },
                { "--stderr=x --stderr-to-stdout", "--stderr-to-stdout" },
                { "--box=5 --bind=/usr", "--bind=" },
                { "--box=5 --storage=1M", "--storage=" },
                { "--box=5 --private", "--private" },
                { "--owner=0", "--owner=" },
                { "--owner=no-such-user-here", "--owner=" },
                { "--degrade", "--degrade" },
                { "--json=yes", "--json=" },
                { "--socket=x", "--socket=" },
                { "--tty --stdin=x", "--tty" },
                { "--image=", "--image=" },
                { "--no-such-option", "--no-such-option" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *line = strprintf("%s -- true", table[i].options);

                check_refused(line, table[i].named);
        }

        check_refused("-t 1 --", "program");
}
END_TEST

START_TEST(test_request) {
        check_request("true", "{\"arguments\":[\"true\"]}");
        /* What follows the program is its own. */
        check_request("sh -c -t --box=x", "{\"arguments\":[\"sh\",\"-c\",\"-t\",\"--box=x\"]}");
        check_request("-t 1.5 -w 250ms -m 64M -p 3 -- true",
                      "{\"arguments\":[\"true\"],\"limits\":{\"cpuTimeUSec\":1500000,\"wallTimeUSec\":250000,"
                      "\"memoryBytes\":67108864,\"processes\":3}}");
        check_request("--extra-time=1 --idle-time=2 --stack=1M --file-size=2M --output-size=3M --open-files=9 --cpus=2 "
                      "--cpu-set=0-1 true",
                      "{\"arguments\":[\"true\"],\"limits\":{\"extraTimeUSec\":1000000,\"idleTimeUSec\":2000000,"
                      "\"stackBytes\":1048576,\"fileSizeBytes\":2097152,\"outputBytes\":3145728,\"openFiles\":9,"
                      "\"cpus\":2,\"cpuSet\":\"0-1\"}}");
        /* The last one counts. */
        check_request("-t 1 -t 2 true", "{\"arguments\":[\"true\"],\"limits\":{\"cpuTimeUSec\":2000000}}");
        check_request("--allow-path=/usr:execute,read --allow-path=x:write,optional --allow-path=/a\\:b:stat true",
                      "{\"arguments\":[\"true\"],\"allowedPaths\":[{\"path\":\"/usr\",\"read\":true,\"execute\":true},"
                      "{\"path\":\"x\",\"write\":true,\"optional\":true},{\"path\":\"/a:b\"}]}");
        check_request("--storage=1G --inodes=100 --share-net --keep-tmp --deny-tsc --hostname=h --domainname=d --tmpfs=/a --tmpfs=/b:1M true",
                      "{\"arguments\":[\"true\"],\"settings\":{\"storageBytes\":1073741824,\"inodes\":100,"
                      "\"shareNetwork\":true,\"keepTemporary\":true,\"denyTimestampCounter\":true,\"hostName\":\"h\",\"domainName\":\"d\","
                      "\"tmpfs\":[{\"path\":\"/a\"},{\"path\":\"/b\",\"sizeBytes\":1048576}]}}");
        check_request("--box=a_1 --owner=7 --chdir=/tmp true",
                      "{\"arguments\":[\"true\"],\"workingDirectory\":\"/tmp\",\"box\":\"a_1\",\"owner\":7}");
        check_request("--out=a/b --out=c:d true", "{\"arguments\":[\"true\"],\"outFiles\":[\"a/b\",\"c\"]}");
}
END_TEST

START_TEST(test_descriptors) {
        _cleanup_free_ char *request = NULL, *log = NULL, *many = NULL;
        size_t n_fds = 0, before = test_count_fds();
        Capture c;
        int r;

        ck_assert_int_eq(parse("--bind=/usr/lib:/x:rw,noexec --bind=/usr --bind=/does/not/exist:optional "
                               "--in=/etc/passwd --in=/etc/group:g true", &request, &n_fds), 1);
        ck_assert_uint_eq(n_fds, 4);
        ck_assert_str_eq(request,
                         "{\"arguments\":[\"true\"],\"settings\":{\"binds\":[{\"sourceFileDescriptor\":0,\"path\":\"/x\","
                         "\"writable\":true,\"noexec\":true},{\"sourceFileDescriptor\":1,\"path\":\"/usr\"}]},"
                         "\"inFiles\":[{\"fileDescriptor\":2,\"path\":\"passwd\"},{\"fileDescriptor\":3,\"path\":\"g\"}]}");
        ck_assert_uint_eq(test_count_fds(), before);

        many = strdup("true");
        for (size_t i = 0; i < 17; i++) {
                char *more = strprintf("--in=/etc/passwd:p%zu %s", i, many);

                free(many);
                many = more;
        }

        c = capture_begin(stderr);
        r = parse(many, NULL, NULL);
        log = capture_end(&c);
        ck_assert_int_eq(r, -E2BIG);
        ck_assert_msg(strstr(log, "16"), "%s", log);
        ck_assert_uint_eq(test_count_fds(), before);
}
END_TEST

static void check_environment(const char *command_line, const char *expected) {
        static const Verb verb = { .name = "run", .private_ok = true };
        char *own[] = { (char *) "LANG=de_DE", (char *) "SECRET=1", (char *) "SECRETS=2", NULL };
        _cleanup_strv_free_ char **words = NULL, **l = NULL;
        _cleanup_(run_options_done) RunOptions o = {};
        _cleanup_free_ char *joined = NULL;
        Context c = CONTEXT_INIT;

        c.verb = &verb;
        ck_assert_int_eq(strv_split(command_line, " ", &words), 0);
        ck_assert_int_eq(run_options_parse(&o, &c, (int) strv_length(words), words), 1);
        ck_assert_int_eq(run_options_make_environment(&o, own, &l), 0);
        joined = strv_join(l, " ");
        ck_assert_str_eq(joined, expected);
}

START_TEST(test_environment) {
        check_environment("run true", "");
        check_environment("run -E A=1 true",
                          "PATH=/usr/local/bin:/usr/bin:/bin HOME=/box LANG=C.UTF-8 TMPDIR=/tmp A=1");
        check_environment("run -E LANG -E SECRET -E UNSET -E A= -E A=2 true",
                          "PATH=/usr/local/bin:/usr/bin:/bin HOME=/box LANG=de_DE TMPDIR=/tmp SECRET=1 A=2");
        check_environment("run --full-env true", "LANG=de_DE SECRET=1 SECRETS=2");
        check_environment("run --full-env -E LANG=C -E B=b true", "LANG=C SECRET=1 SECRETS=2 B=b");
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_refused_values,
                test_request,
                test_descriptors,
                test_environment,
        };

        return test_run("run-options", tests, ELEMENTSOF(tests), NULL, NULL);
}
