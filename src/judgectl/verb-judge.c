/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "box-options.h"
#include "judge.h"
#include "log.h"
#include "string-util.h"
#include "verbs.h"

static const char judge_help_head[] =
        "judge [OPTIONS...] SUBMISSION TESTDIR\n\n"
        "Compile a program, run it on every test and compare its output with the answer.\n\n"
        "A test is NAME.in with NAME.ans or NAME.out. Exit status 0 only if all pass.\n\n"
        "     --language=LANGUAGE      Instead of what the file's extension says; with a\n"
        "                              slash, the file that describes the language\n"
        "  -q --quiet                  Do not show progress\n";

enum {
        ARG_LANGUAGE = 0x400,
};

typedef struct JudgeOptions {
        BoxOptions box_options;
        const char *language;
        const char *submission;
        const char *tests;
        bool quiet;
} JudgeOptions;

static void judge_options_done(JudgeOptions *o) {
        box_options_done(&o->box_options);
}

/* 1: parsed, 0: --help, negative: logged. */
static int parse(JudgeOptions *o, Context *c, int argc, char *argv[]) {
        static const struct option options[] = {
                COMMON_OPTIONS,
                BOX_LONG_OPTIONS,
                { "language", required_argument, NULL, ARG_LANGUAGE },
                { "quiet", no_argument, NULL, 'q' },
                {},
        };
        int option, r;

        optind = 0;
        while ((option = getopt_long(argc, argv, "hq" BOX_SHORT_OPTIONS, options, NULL)) >= 0) {
                if (option == 'h') {
                        _cleanup_free_ char *help = NULL;

                        help = strprintf("%s%s%s", judge_help_head, limit_options_help, box_options_help);
                        if (!help)
                                return log_oom();

                        help_print(help);
                        return 0;
                }

                if (option == ARG_LANGUAGE) {
                        o->language = optarg;
                        continue;
                }
                if (option == 'q') {
                        o->quiet = true;
                        continue;
                }

                r = box_options_parse(&o->box_options, option, optarg) ?: context_parse_option(c, option, optarg);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
        }

        r = context_check_arguments(c, argc - optind, 2, 2);
        if (r < 0)
                return r;

        o->submission = argv[optind];
        o->tests = argv[optind + 1];

        r = context_check(c);
        return r < 0 ? r : 1;
}

static int open_submission(const char *path, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return log_error_errno(errno, "Failed to open \"%s\": %m", path);

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return log_error_errno(EINVAL, "\"%s\" is not a regular file.", path);

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int judge(
                JudgeOptions *o,
                const Context *c,
                Connection *connection,
                const Recipe *recipe,
                const TestSet *tests,
                int source_fd,
                Request *create) {

        _cleanup_(judge_done) Judge j = {};
        int r;

        r = judge_init(&j, connection, recipe, tests, o->box_options.limits);
        if (r < 0)
                return r;
        j.profile = o->box_options.profile;
        j.allowed_paths = o->box_options.allowed_paths;
        j.progress = !o->quiet && isatty(STDERR_FILENO);

        r = judge_create_box(&j, create);
        if (r < 0)
                return r;

        r = judge_compile(&j, source_fd);
        if (r < 0)
                return r;
        if (r > 0) {
                r = judge_run_tests(&j);
                if (r < 0)
                        return r;
        }

        if (c->json != JSON_OFF) {
                _cleanup_json_ json_object *report = NULL;

                r = judge_to_json(&j, o->submission, &report);
                if (r < 0)
                        return r;
                json_print(report, c->json);
        } else {
                r = judge_print(&j);
                if (r < 0)
                        return r;
        }

        return judge_exit_status(&j);
}

int verb_judge(Context *c, int argc, char *argv[]) {
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(judge_options_done) JudgeOptions o = {};
        _cleanup_(test_set_done) TestSet tests = TEST_SET_NULL;
        _cleanup_(request_done) Request create = REQUEST_NULL;
        _cleanup_(recipe_freep) Recipe *recipe = NULL;
        _cleanup_strv_free_ char **directories = NULL;
        _cleanup_json_ json_object *settings = NULL;
        _cleanup_close_ int source_fd = -EBADF;
        int r;

        r = parse(&o, c, argc, argv);
        if (r <= 0)
                return r;

        r = open_submission(o.submission, &source_fd);
        if (r < 0)
                return r;

        r = recipe_directories(&directories);
        if (r < 0)
                return log_error_errno(r, "Failed to find the languages: %m");

        r = recipe_find(directories, o.language, o.submission, &recipe);
        if (r < 0)
                return r;

        r = test_set_load(o.tests, &tests);
        if (r < 0)
                return r;

        if (request_init(&create) < 0)
                return log_oom();

        r = box_options_make_settings(&o.box_options, &create, &settings);
        if (r < 0)
                return r;
        if (settings && json_add(create.parameters, "settings", TAKE_PTR(settings)) < 0)
                return log_oom();

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        return judge(&o, c, connection, recipe, &tests, source_fd, &create);
}
