/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ftw.h>
#include <pty.h>
#include <sys/wait.h>

#include "capture.h"
#include "fake-service.h"
#include "verbs.h"

static char directory[32];
static char *socket_path, *log_path;
static pid_t service;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void setup(void) {
        (void) stpcpy(directory, "/tmp/test-verbs-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        ck_assert_int_eq(chdir(directory), 0);
        ck_assert_int_eq(mkdir("w", 0700), 0);
        ck_assert_int_eq(chdir("w"), 0);
        socket_path = strprintf("%s/socket", directory);
        log_path = strprintf("%s/log", directory);
        (void) signal(SIGPIPE, SIG_IGN);
        service = fake_service_start(socket_path, log_path);
}

static void teardown(void) {
        ck_assert_int_eq(kill(service, SIGKILL), 0);
        ck_assert_int_eq(waitpid(service, NULL, 0), service);
        ck_assert_int_eq(chdir("/"), 0);
        ck_assert_int_eq(nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(socket_path);
        free(log_path);
}

static char *read_file(const char *path) {
        char *text = NULL;

        ck_assert_msg(read_full_file_at(AT_FDCWD, path, 1 << 20, &text, NULL) >= 0, "%s", path);
        return text;
}

static void write_file(const char *path, const char *text) {
        FILE *f = fopen(path, "we");

        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
}

static void check_file(const char *path, const char *expected) {
        _cleanup_free_ char *text = read_file(path);

        ck_assert_str_eq(text, expected);
}

/* What the service was asked for since the last time. */
static void check_calls(const char *expected) {
        _cleanup_free_ char *text = read_file(log_path);

        ck_assert_str_eq(text, expected);
        ck_assert_int_eq(truncate(log_path, 0), 0);
}

static int call_in(Context *c, verb_t verb, const char *command_line) {
        static const Verb some = { .name = "verb" };
        _cleanup_strv_free_ char **argv = NULL;
        int r;

        c->verb = &some;
        c->socket_path = socket_path;
        ck_assert_int_eq(strv_split(command_line, " ", &argv), 0);
        r = verb(c, (int) strv_length(argv), argv);
        (void) fflush(stdout);
        return r;
}

static int call(verb_t verb, const char *command_line, char **ret_stdout, char **ret_stderr) {
        Capture out = capture_begin(stdout), err = capture_begin(stderr);
        Context c = CONTEXT_INIT;
        char *text;
        int r;

        r = call_in(&c, verb, command_line);
        interrupt_done(&c.interrupt);

        text = capture_end(&err);
        if (ret_stderr)
                *ret_stderr = text;
        else
                free(text);
        text = capture_end(&out);
        if (ret_stdout)
                *ret_stdout = text;
        else
                free(text);
        return r;
}

START_TEST(test_run_status) {
        _cleanup_free_ char *out = NULL, *err = NULL, *refused = NULL, *json = NULL;
        size_t before = test_count_fds();

        ck_assert_int_eq(call(verb_run, "run -i /dev/null ok", &out, &err), 0);
        ck_assert_str_eq(out, "out");
        ck_assert_ptr_nonnull(startswith(err, "err"));
        ck_assert_ptr_nonnull(strstr(err, "Verdict: ok"));

        ck_assert_int_eq(call(verb_run, "run -q -i /dev/null -t 2 runtime-error", NULL, NULL), 1);
        ck_assert_int_eq(call(verb_run, "run -q -i /dev/null internal-error", NULL, NULL), 2);
        ck_assert_int_lt(call(verb_run, "run -q -i /dev/null refuse", NULL, &refused), 0);
        ck_assert_msg(strstr(refused, "--memory=") && strstr(refused, "at most 4096"), "%s", refused);
        check_calls("Run ok\nRun runtime-error {\"cpuTimeUSec\":2000000}\nRun internal-error\nRun refuse\n");

        ck_assert_int_eq(call(verb_run, "run --json=short -i /dev/null -o out -e err --meta=meta ok", &json, NULL), 0);
        ck_assert_msg(startswith(json, "{\"verdict\":\"ok\"") && endswith(json, "}\n"), "%s", json);
        check_file("out", "out");
        check_file("err", "err");
        check_file("meta", "time:0.001\ncg-mem:4\nexitcode:0\n");
        ck_assert_uint_eq(test_count_fds(), before);
}
END_TEST

START_TEST(test_run_terminal) {
        _cleanup_close_pair_ int pty[2] = EBADF_PAIR;
        char buf[256] = {};
        size_t n = 0;
        int status;
        pid_t pid;

        ck_assert_int_eq(openpty(&pty[0], &pty[1], NULL, NULL, NULL), 0);
        ck_assert_int_eq(write(pty[0], "typed\n", 6), 6);

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                Context c = CONTEXT_INIT;

                for (int i = 0; i < 3; i++)
                        (void) dup2(pty[1], i);
                _exit(call_in(&c, verb_run, "run -q ok"));
        }

        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);

        /* The echo of the input, and the outputs in either order. */
        while (fd_wait_for_event(pty[0], POLLIN, usec_add(now_usec(CLOCK_MONOTONIC), USEC_PER_SEC / 10)) > 0) {
                ssize_t k = read(pty[0], buf + n, sizeof(buf) - 1 - n);

                if (k <= 0)
                        break;
                n += (size_t) k;
        }
        ck_assert_msg(strstr(buf, "outtyped"), "%s", buf);
        ck_assert_msg(strstr(buf, "err"), "%s", buf);
        /* That no terminal got through to the service. */
        check_calls("Run ok\n");
}
END_TEST

START_TEST(test_run_files) {
        _cleanup_free_ char *err = NULL;

        write_file("source", "");
        ck_assert_int_eq(call(verb_run, "run -i /dev/null --in=source:a/b --out=x --out=missing --out=y/z:renamed ok",
                              NULL, &err), 0);
        check_calls("Run ok in:a/b\n");
        check_file("x", "x");
        check_file("renamed", "y/z");
        ck_assert_int_lt(access("missing", F_OK), 0);
        ck_assert_msg(strstr(err, "missing"), "%s", err);
}
END_TEST

/* A signal cancels the run, and judgectl dies of it. */
START_TEST(test_run_interrupted) {
        int status;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                Context c = CONTEXT_INIT;

                /* libcheck has a handler for it, which would end the whole group. */
                (void) signal(SIGTERM, SIG_DFL);
                (void) call_in(&c, verb_run, "run -i /dev/null --meta=meta hang");
                interrupt_done(&c.interrupt);
                _exit(EXIT_SUCCESS);
        }

        for (;;) {
                _cleanup_free_ char *text = read_file(log_path);

                if (streq(text, "Run hang\n"))
                        break;
                (void) usleep(1000);
        }

        ck_assert_int_eq(kill(pid, SIGTERM), 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
        check_file("meta", "exitsig:15\nkilled:1\nstatus:SG\nmessage:Interrupted\n");

        for (;;) {
                _cleanup_free_ char *text = read_file(log_path);

                if (streq(text, "Run hang\ngone\n"))
                        break;
                (void) usleep(1000);
        }
}
END_TEST

/* Names from a box lead nowhere but into the destination. */
START_TEST(test_get) {
        _cleanup_free_ char *err = NULL, *refused = NULL;

        ck_assert_int_eq(mkdir("d", 0700), 0);
        ck_assert_int_eq(mkdir("d/tree", 0700), 0);
        write_file("victim", "mine");
        ck_assert_int_eq(symlink("../../victim", "d/tree/b2"), 0);

        ck_assert_int_lt(call(verb_get, "get b1 tree d/", NULL, &refused), 0);
        ck_assert_msg(strstr(refused, "-r"), "%s", refused);

        ck_assert_int_lt(call(verb_get, "get -r b1 x/tree d/", NULL, &err), 0);
        check_file("d/tree/b10", "x/tree/b10");
        ck_assert_int_eq(access("d/tree/a", F_OK), 0);
        check_file("victim", "mine");
        ck_assert_int_lt(access("d/up", F_OK), 0);
        ck_assert_int_lt(access("/abs", F_OK), 0);
        ck_assert_int_lt(access("d/tree/link", F_OK), 0);
        ck_assert_int_lt(access("d/tree/fifo", F_OK), 0);
        ck_assert_ptr_null(strchr(err, '\x1b'));

        check_calls("OpenFile tree\nOpenFile x/tree\nListFiles x/tree\nOpenFile x/tree/b2\nOpenFile x/tree/b10\n"
                    "ListFiles x/tree/a\n");

        ck_assert_int_eq(call(verb_get, "get b1 one dir/two", NULL, NULL), 0);
        check_file("one", "one");
        check_file("two", "dir/two");

        ck_assert_int_lt(call(verb_get, "get b1 ../one", NULL, NULL), 0);
        check_calls("OpenFile one\nOpenFile dir/two\n");
}
END_TEST

START_TEST(test_put) {
        ck_assert_int_eq(mkdir("src", 0700), 0);
        ck_assert_int_eq(mkdir("src/sub", 0700), 0);
        write_file("src/file", "1");
        write_file("src/sub/program", "2");
        ck_assert_int_eq(chmod("src/sub/program", 0755), 0);
        ck_assert_int_eq(symlink("/etc/passwd", "src/link"), 0);
        ck_assert_int_eq(mkfifo("src/fifo", 0600), 0);

        ck_assert_int_eq(call(verb_put, "put b1 src/file", NULL, NULL), 0);
        check_calls("OpenFile file create\n");

        ck_assert_int_lt(call(verb_put, "put b1 src", NULL, NULL), 0);
        ck_assert_int_lt(call(verb_put, "put b1 src/fifo", NULL, NULL), 0);
        ck_assert_int_lt(call(verb_put, "put b1 nothing src/file", NULL, NULL), 0);
        check_calls("OpenFile file create\n");

        ck_assert_int_eq(call(verb_put, "put -r b1 src/sub/ to/", NULL, NULL), 0);
        check_calls("MakeDirectory b1 to/\nMakeDirectory b1 to/sub\nOpenFile to/sub/program create executable\n");

        /* The link and the FIFO stay behind, and are not followed or waited for. */
        ck_assert_int_eq(unlink("src/sub/program"), 0);
        ck_assert_int_eq(rmdir("src/sub"), 0);
        ck_assert_int_eq(call(verb_put, "put -r b1 src", NULL, NULL), 0);
        check_calls("MakeDirectory b1 src\nOpenFile src/file create\n");
}
END_TEST

START_TEST(test_boxes) {
        _cleanup_free_ char *out = NULL, *err = NULL, *listing = NULL;

        ck_assert_int_eq(call(verb_create, "create --hostname=x my-box", &out, NULL), 0);
        ck_assert_str_eq(out, "my-box\n");
        ck_assert_int_eq(call(verb_reset, "reset my-box", NULL, NULL), 0);
        ck_assert_int_eq(call(verb_rm, "rm -r my-box a b", NULL, NULL), 0);
        /* One that is not there keeps none of the others. */
        ck_assert_int_lt(call(verb_destroy, "destroy gone my-box", NULL, &err), 0);
        ck_assert_msg(strstr(err, "\"gone\""), "%s", err);
        check_calls("CreateBox\nResetBox my-box\nRemoveFile my-box a\nRemoveFile my-box b\nDestroyBox gone\n"
                    "DestroyBox my-box\n");

        /* Nothing is asked for when a part of the command line is wrong. */
        ck_assert_int_lt(call(verb_destroy, "destroy my-box a/b", NULL, NULL), 0);
        ck_assert_int_lt(call(verb_reset, "reset a b", NULL, NULL), 0);
        ck_assert_int_lt(call(verb_rm, "rm my-box a ../b", NULL, NULL), 0);
        ck_assert_int_lt(call(verb_rm, "rm my-box", NULL, NULL), 0);
        ck_assert_int_lt(call(verb_create, "create --private x", NULL, NULL), 0);
        check_calls("");

        /* Two names in the listing are none. */
        ck_assert_int_lt(call(verb_ls, "ls my-box tree", &listing, NULL), 0);
        ck_assert_int_eq(call(verb_ls, "ls my-box empty", NULL, NULL), 0);
}
END_TEST

static const char submission[] = "int main(void) {}\n";

/* "judge", and the language from the source tree: there is none installed. */
static char *judge_command(const char *language, const char *rest) {
        return strprintf("judge --language=%s/languages/%s.json %s", getenv("JUDGEBOX_SOURCE_ROOT"), language, rest);
}

START_TEST(test_judge) {
        _cleanup_free_ char *out = NULL, *json = NULL, *limited = judge_command("c", "-q -t 1 a.c tests"),
                            *plain = judge_command("c", "--json=short a.c tests");

        write_file("a.c", submission);
        ck_assert_int_eq(mkdir("tests", 0700), 0);
        write_file("tests/2.in", "two");
        write_file("tests/2.ans", "two\n");
        write_file("tests/10.in", "ten");
        write_file("tests/10.out", "11");

        /* No run of a test finds anything in the box but what compiling made. */
        ck_assert_int_eq(call(verb_judge, limited, &out, NULL), 1);
        check_calls("CreateBox\n"
                    "Run /usr/bin/gcc in:main.c {\"cpuTimeUSec\":20000000,\"wallTimeUSec\":40000000,"
                    "\"memoryBytes\":1073741824,\"processes\":64,\"fileSizeBytes\":67108864,\"outputBytes\":4194304}\n"
                    "ResetBox judge-N\nRun ./main in:main {\"cpuTimeUSec\":1000000}\n"
                    "ResetBox judge-N\nRun ./main in:main {\"cpuTimeUSec\":1000000}\n"
                    "DestroyBox judge-N\n");
        ck_assert_ptr_nonnull(strstr(out, "2    ok "));
        ck_assert_ptr_nonnull(strstr(out, "10   wrong-answer "));
        ck_assert_ptr_nonnull(strstr(out, "expected \"11\", got \"ten\""));
        ck_assert_ptr_nonnull(strstr(out, "1 of 2 tests passed; 1 wrong-answer."));

        write_file("tests/10.out", "ten");
        ck_assert_int_eq(call(verb_judge, plain, &json, NULL), 0);
        ck_assert_ptr_nonnull(startswith(json, "{\"submission\":\"a.c\",\"language\":\"c\",\"verdict\":\"ok\""));
        ck_assert_ptr_nonnull(strstr(json, "\"passed\":2,\"total\":2}"));
}
END_TEST

START_TEST(test_judge_wrong) {
        _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *plain = judge_command("c", "a.c tests"),
                            *python = judge_command("python3", "-q a.c tests");

        write_file("a.c", submission);
        ck_assert_int_eq(mkdir("tests", 0700), 0);

        ck_assert_int_lt(call(verb_judge, plain, NULL, &a), 0);
        ck_assert_msg(strstr(a, ".in"), "%s", a);
        write_file("tests/1.in", "");
        ck_assert_int_lt(call(verb_judge, plain, NULL, &b), 0);
        ck_assert_msg(strstr(b, "1.ans"), "%s", b);
        write_file("tests/1.ans", "");
        ck_assert_int_lt(call(verb_judge, "judge --language=cobol a.c tests", NULL, &c), 0);
        ck_assert_msg(strstr(c, "cobol"), "%s", c);
        ck_assert_int_lt(call(verb_judge, "judge tests tests", NULL, NULL), 0);
        ck_assert_int_lt(call(verb_judge, "judge a.c", NULL, NULL), 0);
        ck_assert_int_lt(call(verb_judge, "judge -t never a.c tests", NULL, NULL), 0);
        check_calls("");

        /* A test that disappears in mid-judging: the box still goes. */
        ck_assert_int_eq(unlink("tests/1.in"), 0);
        ck_assert_int_eq(symlink("/dev/null", "tests/1.in"), 0);
        ck_assert_int_lt(call(verb_judge, python, NULL, NULL), 0);
        {
                _cleanup_free_ char *text = read_file(log_path);

                ck_assert_msg(endswith(text, "DestroyBox judge-N\n"), "%s", text);
        }
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_run_status, test_run_terminal, test_run_files, test_run_interrupted, test_get,
                test_put,        test_boxes,        test_judge,     test_judge_wrong,
        };

        return test_run("verbs", tests, ELEMENTSOF(tests), setup, teardown);
}
