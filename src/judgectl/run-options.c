/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>

#include "environment.h"
#include "log.h"
#include "parse-util.h"
#include "run-options.h"
#include "string-util.h"

static const char run_help_head[] =
        "run [OPTIONS...] [--] PROGRAM [ARGUMENT...]\n\n"
        "Run a program in a box, within limits, and say how it ended.\n\n"
        "     --box=ID                 Run in this box, not in one of its own\n"
        "     --owner=USER             Whose box is meant (for admins)\n";

static const char run_help_tail[] =
        "  -i --stdin=FILE             Standard input\n"
        "  -o --stdout=FILE            Standard output\n"
        "  -e --stderr=FILE            Standard error\n"
        "     --stderr-to-stdout       Join standard error to standard output\n"
        "     --tty                    A terminal of its own for all three\n"
        "     --in=SRC[:DST]           Put a file into the box first\n"
        "     --out=SRC[:DST]          Get a file out of the box afterwards\n"
        "  -E --env=NAME[=VALUE]       Set a variable, or pass mine on\n"
        "     --full-env               Pass all my variables on\n"
        "     --chdir=PATH             Working directory, instead of /box\n"
        "     --trace                  List the paths that the program names\n"
        "     --exec-file=FILE         Execute this file of the host's\n"
        "  -M --meta=FILE              Write the result as isolate does; - is my\n"
        "                              standard output\n"
        "     --priority=N             Among my waiting runs, higher goes first\n"
        "                              (-10 to 10)\n"
        "  -q --quiet                  Do not print the result\n";

enum {
        ARG_BOX = 0x400,
        ARG_STDERR_TO_STDOUT,
        ARG_TTY,
        ARG_IN,
        ARG_OUT,
        ARG_FULL_ENV,
        ARG_CHDIR,
        ARG_EXEC_FILE,
        ARG_TRACE,
        ARG_PRIORITY,
};

void run_options_done(RunOptions *o) {
        assert(o);

        box_options_done(&o->box_options);
        for (size_t i = 0; i < o->n_in; i++)
                transfer_option_done(o->in + i);
        for (size_t i = 0; i < o->n_out; i++)
                transfer_option_done(o->out + i);
        free(o->in);
        free(o->out);
        free(o->box);
        strv_free(o->environment);
        *o = (RunOptions) {};
}

static int add_transfer(TransferOption **l, size_t *n, const char *option, const char *value, bool into_box) {
        TransferOption *grown, t;
        int r;

        r = transfer_option_parse(option, value, into_box, &t);
        if (r < 0)
                return r;

        grown = reallocarray(*l, *n + 1, sizeof(TransferOption));
        if (!grown) {
                transfer_option_done(&t);
                return log_oom();
        }

        *l = grown;
        grown[(*n)++] = t;
        return 0;
}

static int add_environment(RunOptions *o, const char *value) {
        if (IN_SET(value[0], '\0', '=')) {
                log_error("--env= takes NAME or NAME=VALUE, not \"%s\".", value);
                return -EINVAL;
        }

        return strv_extend(&o->environment, value) < 0 ? log_oom() : 0;
}

static int set_path(const char **p, const char *option, const char *value) {
        if (isempty(value)) {
                log_error("%s takes the path of a file.", option);
                return -EINVAL;
        }

        *p = value;
        return 0;
}

/* Which values are allowed is the service's to say. */
static int set_priority(RunOptions *o, const char *value) {
        bool negative = value[0] == '-';
        unsigned n;

        if (parse_uint(value + negative, &n) < 0 || n > INT_MAX) {
                log_error("--priority= takes a whole number, not \"%s\".", value);
                return -EINVAL;
        }

        o->priority = negative ? -(int) n : (int) n;
        return 0;
}

/* 1: taken; 0: not one of run's own. */
static int parse_option(RunOptions *o, int option, const char *value) {
        int r = 0;

        switch (option) {
        case ARG_BOX:
                r = context_check_box_id(value);
                if (r >= 0 && free_and_strdup(&o->box, value) < 0)
                        r = log_oom();
                break;
        case 'i':
                r = set_path(&o->stream_paths[STDIN_FILENO], "--stdin=", value);
                break;
        case 'o':
                r = set_path(&o->stream_paths[STDOUT_FILENO], "--stdout=", value);
                break;
        case 'e':
                r = set_path(&o->stream_paths[STDERR_FILENO], "--stderr=", value);
                break;
        case ARG_STDERR_TO_STDOUT:
                o->stderr_to_stdout = true;
                break;
        case ARG_TTY:
                o->tty = true;
                break;
        case ARG_IN:
                r = add_transfer(&o->in, &o->n_in, "--in=", value, /* into_box= */ true);
                break;
        case ARG_OUT:
                r = add_transfer(&o->out, &o->n_out, "--out=", value, /* into_box= */ false);
                break;
        case 'E':
                r = add_environment(o, value);
                break;
        case ARG_FULL_ENV:
                o->full_environment = true;
                break;
        case ARG_CHDIR:
                if (!box_path_is_valid(value)) {
                        log_error("--chdir= takes a path inside the box without \"..\", not \"%s\".", value);
                        r = -EINVAL;
                } else
                        o->working_directory = value;
                break;
        case ARG_EXEC_FILE:
                r = set_path(&o->exec_file, "--exec-file=", value);
                break;
        case 'M':
                r = set_path(&o->meta_path, "--meta=", value);
                break;
        case ARG_PRIORITY:
                r = set_priority(o, value);
                break;
        case ARG_TRACE:
                o->trace = true;
                break;
        case 'q':
                o->quiet = true;
                break;
        default:
                return 0;
        }

        return r < 0 ? r : 1;
}

/* What only all options together can tell. */
static int check(const RunOptions *o, const Context *c) {
        if (isempty(o->arguments[0])) {
                log_error("Which program? See judgectl run --help.");
                return -EINVAL;
        }

        if (o->stderr_to_stdout && o->stream_paths[STDERR_FILENO]) {
                log_error("--stderr= and --stderr-to-stdout exclude each other.");
                return -EINVAL;
        }

        if (o->tty && (o->stream_paths[STDIN_FILENO] || o->stream_paths[STDOUT_FILENO] ||
                       o->stream_paths[STDERR_FILENO] || o->stderr_to_stdout)) {
                log_error("--tty is for all three standard streams, and excludes --stdin=, --stdout=, --stderr= and "
                          "--stderr-to-stdout.");
                return -EINVAL;
        }

        if (o->box && o->box_options.settings_option) {
                log_error("%s is settled when a box is made, and cannot be changed for --box=%s.",
                          o->box_options.settings_option, o->box);
                return -EINVAL;
        }

        if (o->box && c->private) {
                log_error("--box= cannot be used with --private: a private judgeboxd has no boxes but the run's "
                          "own.");
                return -EINVAL;
        }

        if (c->owner_set && !o->box) {
                log_error("--owner= says whose box is meant by --box=, which is not given.");
                return -EINVAL;
        }

        return context_check(c);
}

int run_options_parse(RunOptions *o, Context *c, int argc, char *argv[]) {
        static const struct option options[] = {
                COMMON_OPTIONS,
                OWNER_OPTION,
                BOX_LONG_OPTIONS,
                { "box", required_argument, NULL, ARG_BOX },
                { "stdin", required_argument, NULL, 'i' },
                { "stdout", required_argument, NULL, 'o' },
                { "stderr", required_argument, NULL, 'e' },
                { "stderr-to-stdout", no_argument, NULL, ARG_STDERR_TO_STDOUT },
                { "tty", no_argument, NULL, ARG_TTY },
                { "in", required_argument, NULL, ARG_IN },
                { "out", required_argument, NULL, ARG_OUT },
                { "env", required_argument, NULL, 'E' },
                { "full-env", no_argument, NULL, ARG_FULL_ENV },
                { "chdir", required_argument, NULL, ARG_CHDIR },
                { "exec-file", required_argument, NULL, ARG_EXEC_FILE },
                { "trace", no_argument, NULL, ARG_TRACE },
                { "meta", required_argument, NULL, 'M' },
                { "priority", required_argument, NULL, ARG_PRIORITY },
                { "quiet", no_argument, NULL, 'q' },
                {},
        };
        int option, r;

        assert(o);
        assert(c);

        /* The first word that is no option is the program; what follows is its own. */
        optind = 0;
        while ((option = getopt_long(argc, argv, "+hi:o:e:E:M:q" BOX_SHORT_OPTIONS, options, NULL)) >= 0) {
                if (option == 'h') {
                        _cleanup_free_ char *help = NULL;

                        help = strprintf("%s%s%s%s", run_help_head, limit_options_help, box_options_help,
                                         run_help_tail);
                        if (!help)
                                return log_oom();

                        help_print(help);
                        return 0;
                }

                r = parse_option(o, option, optarg) ?: box_options_parse(&o->box_options, option, optarg) ?:
                        context_parse_option(c, option, optarg);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
        }

        o->arguments = argv + optind;

        /* Without it no program does more with a terminal than to write lines. */
        if (o->tty && !environment_get(o->environment, "TERM") && strv_extend(&o->environment, "TERM") < 0)
                return log_oom();

        r = check(o, c);
        return r < 0 ? r : 1;
}
