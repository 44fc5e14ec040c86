/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "isolate-options.h"
#include "string-util.h"
#include "test-util.h"

static IsolateOptions options;

static void teardown(void) {
        isolate_options_done(&options);
}

/* The words, separated by blanks. */
static int parse(const char *line) {
        static char **words;
        _cleanup_free_ char *whole = strprintf("isolate %s", line);

        words = strv_free(words);
        ck_assert_int_eq(strv_split(whole, " ", &words), 0);
        optind = 0;
        return isolate_options_parse(&options, (int) strv_length(words), words);
}

START_TEST(test_defaults) {
        ck_assert_int_eq(parse("--run -- a b"), 0);
        ck_assert_int_eq(options.command, ISOLATE_RUN);
        ck_assert_str_eq(options.arguments[0], "a");
        ck_assert_str_eq(options.arguments[1], "b");
        ck_assert_uint_eq(options.box_id, 0);
        ck_assert_uint_eq(options.processes, 1);
        ck_assert_uint_eq(options.open_files, 64);
        ck_assert_uint_eq(options.time_usec, 0);
        ck_assert(options.default_rules);
        ck_assert(!options.cg);
}
END_TEST

START_TEST(test_reference_line) {
        ck_assert_int_eq(parse("--cg -s -b 7 -M meta.txt -t 2.0 -x 0.5 -w 5.25 -k 64000 -p30 --cg-mem=128000 --no-cg-timing -f 1024 "
                               "-E HOME=/box -E LANG -d /etc:noexec --run -- ./a.out"), 0);
        ck_assert_uint_eq(options.box_id, 7);
        ck_assert_uint_eq(options.time_usec, 2 * USEC_PER_SEC);
        ck_assert_uint_eq(options.extra_time_usec, 500 * USEC_PER_MSEC);
        ck_assert_uint_eq(options.wall_time_usec, 5250 * USEC_PER_MSEC);
        ck_assert_uint_eq(options.stack, 64000);
        ck_assert_uint_eq(options.processes, 30);
        ck_assert_uint_eq(options.cg_mem, 128000);
        ck_assert_uint_eq(options.fsize, 1024);
        ck_assert_uint_eq(options.silent, 1);
        ck_assert_uint_eq(strv_length(options.environment), 2);
        ck_assert_int_eq(dir_rules_find(&options.rules, "etc", true)->flags, DIR_NOEXEC);
}
END_TEST

/* The later of two that exclude each other. */
START_TEST(test_stderr) {
        ck_assert_int_eq(parse("-r x --stderr-to-stdout --run a"), 0);
        ck_assert_ptr_null(options.stdio[2]);
        ck_assert(options.stderr_to_stdout);
        isolate_options_done(&options);

        ck_assert_int_eq(parse("--stderr-to-stdout -r x --run a"), 0);
        ck_assert_str_eq(options.stdio[2], "x");
        ck_assert(!options.stderr_to_stdout);
}
END_TEST

/* Every option that has a number. */
static const struct {
        const char *name, *letter;
        const unsigned *field;
} numbers[] = {
        { "as-gid", NULL, &options.as_gid },   { "as-uid", NULL, &options.as_uid },
        { "box-id", "b", &options.box_id },    { "cg-mem", NULL, &options.cg_mem },
        { "core", NULL, &options.core },       { "fsize", "f", &options.fsize },
        { "mem", "m", &options.mem },          { "open-files", "n", &options.open_files },
        { "stack", "k", &options.stack },
};

START_TEST(test_numbers) {
        const char *name = numbers[_i].name, *letter = numbers[_i].letter;
        const struct {
                const char *dashes, *option, *separator;
        } forms[] = { { "--", name, "=" }, { "--", name, " " }, { "-", letter, "" }, { "-", letter, " " } };

        for (size_t k = 0; k < ELEMENTSOF(forms); k++) {
                _cleanup_free_ char *line = NULL;

                if (!forms[k].option)
                        continue;

                line = strprintf("--cg %s%s%s7 --run -- a", forms[k].dashes, forms[k].option, forms[k].separator);
                ck_assert_int_eq(parse(line), 0);
                ck_assert_msg(*numbers[_i].field == 7, "%s", line);
                ck_assert_str_eq(options.arguments[0], "a");
                isolate_options_done(&options);
        }
}
END_TEST

/* The others that take a value, and what they say of it. */
START_TEST(test_values) {
        static const char *const lines[] = {
                "-c d -i in -o out -r err -M meta -E A=b -d x=/y -q 3,4 -t 1 -w 2 -x 3 --run a",
                "-cd -iin -oout -rerr -Mmeta -EA=b -dx=/y -q3,4 -t1 -w2 -x3 --run a",
                "--chdir=d --stdin=in --stdout=out --stderr=err --meta=meta --env=A=b --dir=x=/y --quota=3,4 --time=1 --wall-time=2 "
                "--extra-time=3 --run a",
                "--chdir d --stdin in --stdout out --stderr err --meta meta --env A=b --dir x=/y --quota 3,4 --time 1 --wall-time 2 "
                "--extra-time 3 --run a",
        };

        ck_assert_int_eq(parse(lines[_i]), 0);
        ck_assert_str_eq(options.working_directory, "d");
        ck_assert_str_eq(options.stdio[0], "in");
        ck_assert_str_eq(options.stdio[1], "out");
        ck_assert_str_eq(options.stdio[2], "err");
        ck_assert_str_eq(options.meta, "meta");
        ck_assert_str_eq(options.environment[0], "A=b");
        ck_assert_str_eq(dir_rules_find(&options.rules, "x", true)->outside, "/y");
        ck_assert_uint_eq(options.quota_blocks, 3);
        ck_assert_uint_eq(options.quota_inodes, 4);
        ck_assert_uint_eq(options.time_usec, 1 * USEC_PER_SEC);
        ck_assert_uint_eq(options.wall_time_usec, 2 * USEC_PER_SEC);
        ck_assert_uint_eq(options.extra_time_usec, 3 * USEC_PER_SEC);
}
END_TEST

START_TEST(test_flags) {
        static const char *const lines[] = {
                "--cg -D -e -s -v -p --inherit-fds --share-net --special-files --tty-hack --wait --cg-timing --run a",
                "--cg --no-default-dirs --full-env --silent --verbose --processes --inherit-fds --share-net --special-files "
                "--tty-hack --wait --no-cg-timing --run a",
        };

        ck_assert_int_eq(parse(lines[_i]), 0);
        ck_assert(options.cg && !options.default_rules && options.full_environment && options.inherit_fds);
        ck_assert(options.share_net && options.special_files && options.tty_hack && options.wait);
        ck_assert_uint_eq(options.silent, 1);
        ck_assert_uint_eq(options.verbose, 1);
        ck_assert_uint_eq(options.processes, 0);
}
END_TEST

START_TEST(test_processes) {
        /* The value of an option that may have none is attached: a separate one is the program. */
        ck_assert_int_eq(parse("-p 30 --run -- a"), 0);
        ck_assert_uint_eq(options.processes, 0);
        ck_assert_str_eq(options.arguments[0], "30");
        isolate_options_done(&options);
        ck_assert_int_eq(parse("-p30 --run -- a"), 0);
        ck_assert_uint_eq(options.processes, 30);
        isolate_options_done(&options);
        ck_assert_int_eq(parse("-p --run a"), 0);
        ck_assert_uint_eq(options.processes, 0);
        isolate_options_done(&options);
        ck_assert_int_eq(parse("--processes=5 --run a"), 0);
        ck_assert_uint_eq(options.processes, 5);
}
END_TEST

static const struct {
        const char *text;
        usec_t usec;
} times[] = {
        { "0", 0 }, { "1", 1000000 }, { "1.5", 1500000 }, { ".5", 500000 }, { "5.", 5000000 }, { "0.0000019", 1 },
        { "007", 7000000 }, { "999999999", 999999999 * USEC_PER_SEC },
};

START_TEST(test_times) {
        _cleanup_free_ char *line = strprintf("-t %s --run a", times[_i].text);

        ck_assert_int_eq(parse(line), 0);
        ck_assert_uint_eq(options.time_usec, times[_i].usec);
}
END_TEST

/* What was read before it is known to the caller, who says it in the meta file too. */
START_TEST(test_failure) {
        ck_assert_int_lt(parse("-M meta -d a:rw:fancy --run a"), 0);
        ck_assert_str_eq(options.failure, "Unknown directory option fancy");
        ck_assert_str_eq(options.meta, "meta");
}
END_TEST

static const char *const bad[] = {
        "", "--run", "--init x", "--cleanup x", "--init --run a", "--cg-mem=1 --run a", "--cg-mem=0 --run a", "-t abc --run a", "-t . --run a",
        "-t 1e3 --run a", "-t -1 --run a", "-t 9999999999 --run a", "-t 1s --run a", "-w x --run a", "-x x --run a",
        "-b x --init", "-b 2147483648 --init", "-b -1 --init", "-m x --run a", "-pz --run a", "-q 1 --init", "-q x,1 --init",
        "-q 1,x --init", "-E = --run a", "-d x=y --run a", "--syscalls=x --run a", "--no-such-option --run a", "-z --run a",
};

START_TEST(test_bad) {
        ck_assert_int_lt(parse(bad[_i]), 0);
        ck_assert_ptr_null(options.failure);
}
END_TEST

int main(void) {
        Suite *suite;
        TCase *t;
        int fd;

        /* What is wrong with the lines is known. */
        fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
                return EXIT_FAILURE;

        suite = suite_create("isolate-options");
        t = tcase_create("options");
        tcase_add_checked_fixture(t, NULL, teardown);
        tcase_add_test(t, test_defaults);
        tcase_add_test(t, test_reference_line);
        tcase_add_test(t, test_stderr);
        tcase_add_loop_test(t, test_numbers, 0, (int) ELEMENTSOF(numbers));
        tcase_add_loop_test(t, test_values, 0, 4);
        tcase_add_loop_test(t, test_flags, 0, 2);
        tcase_add_test(t, test_processes);
        tcase_add_test(t, test_failure);
        tcase_add_loop_test(t, test_times, 0, (int) ELEMENTSOF(times));
        tcase_add_loop_test(t, test_bad, 0, (int) ELEMENTSOF(bad));
        suite_add_tcase(suite, t);

        return test_run_suite(suite);
}
