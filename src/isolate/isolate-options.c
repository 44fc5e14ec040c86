/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "isolate-options.h"
#include "parse-util.h"
#include "string-util.h"

#define PROCESSES_DEFAULT 1
#define OPEN_FILES_DEFAULT 64

static const char help[] =
        "Usage: isolate [OPTIONS...] COMMAND\n\n"
        "Runs programs in boxes, as isolate(1) does, but without privileges: it asks\n"
        "judgeboxd(8).\n\n"
        "Commands:\n"
        "     --init                   Make a box, and print its directory\n"
        "     --run -- PROGRAM [ARG...]\n"
        "                              Run a program in the box\n"
        "     --cleanup                Take the box away\n"
        "     --check-config           See whether the service answers\n"
        "     --print-cg-root          Print where the boxes' control groups are\n"
        "     --version                Print the version\n\n"
        "Which box:\n"
        "  -b --box-id=ID              Its number (default: 0)\n"
        "     --cg                     Control groups, which every box has here\n"
        "     --as-uid=UID --as-gid=GID\n"
        "                              On behalf of this user (for root)\n"
        "     --wait                   If the box is busy, wait\n"
        "  -q --quota=BLOCKS,INODES    With --init: the most that may be in it, in KiB\n"
        "                              and in files\n\n"
        "Limits (sizes in KiB, times in seconds):\n"
        "  -t --time=TIME              CPU time\n"
        "  -x --extra-time=TIME        CPU time before which the program is not killed\n"
        "  -w --wall-time=TIME         Elapsed time\n"
        "     --cg-mem=SIZE            Memory of all processes together; needs --cg\n"
        "  -m --mem=SIZE               Addresses of each process\n"
        "  -k --stack=SIZE             Stack\n"
        "  -f --fsize=SIZE             Each file\n"
        "     --core=SIZE              Core files (default: 0)\n"
        "  -n --open-files=N           Open files (default: 64)\n"
        "  -p --processes[=N]          Processes and threads (default: 1)\n"
        "     --cg-timing --no-cg-timing\n"
        "                              Taken, and without effect\n\n"
        "What the program sees:\n"
        "  -i --stdin=FILE -o --stdout=FILE -r --stderr=FILE\n"
        "                              Its streams, from and to files inside\n"
        "     --stderr-to-stdout       Standard error goes where standard output goes\n"
        "  -c --chdir=DIR              Where it starts\n"
        "  -e --full-env               Our whole environment\n"
        "  -E --env=NAME[=VALUE]       A variable: ours, or with this value\n"
        "  -d --dir=IN[=OUT][:OPTION...]\n"
        "                              A directory; options rw, noexec, fs, maybe, dev,\n"
        "                              tmp, norec\n"
        "  -D --no-default-dirs        None but those\n"
        "     --share-net              The network of the host\n"
        "     --inherit-fds            Our open files\n"
        "     --special-files          Leave links, FIFOs and sockets that it made\n"
        "     --syscalls=FLAGS         Taken; see judgebox-isolate(1)\n"
        "     --tty-hack               A terminal, for a program that talks with somebody\n"
        "                              at ours\n\n"
        "What is told:\n"
        "  -M --meta=FILE              Write how it went into this file; - is standard\n"
        "                              output\n"
        "  -s --silent                 No status messages\n"
        "  -v --verbose                More messages\n";

enum {
        ARG_AS_UID = 0x100,
        ARG_AS_GID,
        ARG_CG,
        ARG_CG_MEM,
        ARG_CG_TIMING,
        ARG_CORE,
        ARG_INHERIT_FDS,
        ARG_SHARE_NET,
        ARG_SPECIAL_FILES,
        ARG_STDERR_TO_STDOUT,
        ARG_SYSCALLS,
        ARG_TTY_HACK,
        ARG_WAIT,
        ARG_HELP,
        _ARG_COMMAND, /* plus an IsolateCommand */
};

static const struct option long_options[] = {
        { "as-gid", required_argument, NULL, ARG_AS_GID },
        { "as-uid", required_argument, NULL, ARG_AS_UID },
        { "box-id", required_argument, NULL, 'b' },
        { "cg", no_argument, NULL, ARG_CG },
        { "cg-mem", required_argument, NULL, ARG_CG_MEM },
        { "cg-timing", no_argument, NULL, ARG_CG_TIMING },
        { "chdir", required_argument, NULL, 'c' },
        { "check-config", no_argument, NULL, _ARG_COMMAND + ISOLATE_CHECK_CONFIG },
        { "cleanup", no_argument, NULL, _ARG_COMMAND + ISOLATE_CLEANUP },
        { "core", required_argument, NULL, ARG_CORE },
        { "dir", required_argument, NULL, 'd' },
        { "env", required_argument, NULL, 'E' },
        { "extra-time", required_argument, NULL, 'x' },
        { "fsize", required_argument, NULL, 'f' },
        { "full-env", no_argument, NULL, 'e' },
        { "help", no_argument, NULL, ARG_HELP },
        { "inherit-fds", no_argument, NULL, ARG_INHERIT_FDS },
        { "init", no_argument, NULL, _ARG_COMMAND + ISOLATE_INIT },
        { "mem", required_argument, NULL, 'm' },
        { "meta", required_argument, NULL, 'M' },
        { "no-cg-timing", no_argument, NULL, ARG_CG_TIMING },
        { "no-default-dirs", no_argument, NULL, 'D' },
        { "open-files", required_argument, NULL, 'n' },
        { "print-cg-root", no_argument, NULL, _ARG_COMMAND + ISOLATE_PRINT_CG_ROOT },
        { "processes", optional_argument, NULL, 'p' },
        { "quota", required_argument, NULL, 'q' },
        { "run", no_argument, NULL, _ARG_COMMAND + ISOLATE_RUN },
        { "share-net", no_argument, NULL, ARG_SHARE_NET },
        { "silent", no_argument, NULL, 's' },
        { "special-files", no_argument, NULL, ARG_SPECIAL_FILES },
        { "stack", required_argument, NULL, 'k' },
        { "stderr", required_argument, NULL, 'r' },
        { "stderr-to-stdout", no_argument, NULL, ARG_STDERR_TO_STDOUT },
        { "stdin", required_argument, NULL, 'i' },
        { "stdout", required_argument, NULL, 'o' },
        { "syscalls", required_argument, NULL, ARG_SYSCALLS },
        { "time", required_argument, NULL, 't' },
        { "tty-hack", no_argument, NULL, ARG_TTY_HACK },
        { "verbose", no_argument, NULL, 'v' },
        { "version", no_argument, NULL, _ARG_COMMAND + ISOLATE_VERSION },
        { "wait", no_argument, NULL, ARG_WAIT },
        { "wall-time", required_argument, NULL, 'w' },
        {},
};

/* Says what is wrong on standard error, and how it is right on standard output, as isolate does. */
_printf_(1, 2) static int usage(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vfprintf(stderr, format, ap);
        va_end(ap);

        (void) fputs(help, stdout);
        return -EINVAL;
}

static int parse_number(const char *value, unsigned *ret) {
        uint64_t n;
        int r;

        r = parse_uint64(value, &n);
        if (r == -ERANGE || (r >= 0 && n > INT_MAX))
                return usage("Numeric parameter out of range: %s\n", value);
        if (r < 0)
                return usage("Invalid numeric parameter: %s\n", value);

        *ret = (unsigned) n;
        return 0;
}

/* Seconds, with or without a fraction, whose end beyond microseconds does not count. */
static int parse_time(const char *value, usec_t *ret) {
        size_t whole = strspn(value, "0123456789"), fraction = 0;
        usec_t usec = 0, unit = USEC_PER_SEC;

        if (value[whole] == '.')
                fraction = strspn(value + whole + 1, "0123456789");
        if (whole + fraction == 0 || whole > 9 || value[whole + (value[whole] == '.') + fraction])
                return usage("Invalid time: %s\n", value);

        for (size_t i = 0; i < whole; i++)
                usec = usec * 10 + (usec_t) (value[i] - '0') * USEC_PER_SEC;
        for (size_t i = 0; i < fraction; i++) {
                unit /= 10;
                usec += (usec_t) (value[whole + 1 + i] - '0') * unit;
        }

        *ret = usec;
        return 0;
}

static int parse_quota(const char *value, IsolateOptions *o) {
        _cleanup_free_ char *blocks = NULL;
        const char *comma = strchr(value, ',');
        int r;

        if (!comma)
                return usage("Invalid quota specified: %s\n", value);

        blocks = strndup(value, (size_t) (comma - value));
        if (!blocks)
                return -ENOMEM;

        r = parse_number(blocks, &o->quota_blocks);
        return r < 0 ? r : parse_number(comma + 1, &o->quota_inodes);
}

static int parse_environment(const char *value, IsolateOptions *o) {
        if (value[0] == '=' || value[0] == '\0')
                return usage("Invalid environment specified: %s\n", value);

        return strv_extend(&o->environment, value);
}

static int parse_rule(const char *value, IsolateOptions *o) {
        _cleanup_free_ char *unknown = NULL;
        int r;

        r = dir_rule_find_unknown(value, &unknown);
        if (r > 0) {
                o->failure = strprintf("Unknown directory option %s", unknown);
                return o->failure ? -EINVAL : -ENOMEM;
        }
        if (r >= 0)
                r = dir_rules_add(&o->rules, value, /* is_default= */ false);
        return r == -EINVAL ? usage("Invalid directory rule specified: %s\n", value) : r;
}

static int parse_command(IsolateCommand command, IsolateOptions *o) {
        if (o->command != ISOLATE_NONE && o->command != command)
                return usage("Only one command is allowed.\n");

        o->command = command;
        return 0;
}

static int parse_numeric(int option, const char *value, IsolateOptions *o) {
        switch (option) {
        case 'b':
                return parse_number(value, &o->box_id);
        case 'f':
                return parse_number(value, &o->fsize);
        case 'k':
                return parse_number(value, &o->stack);
        case 'm':
                return parse_number(value, &o->mem);
        case 'n':
                return parse_number(value, &o->open_files);
        case 'p':
                o->processes = 0;
                return value ? parse_number(value, &o->processes) : 0;
        case 't':
                return parse_time(value, &o->time_usec);
        case 'w':
                return parse_time(value, &o->wall_time_usec);
        case 'x':
                return parse_time(value, &o->extra_time_usec);
        case ARG_AS_GID:
                o->has_as_gid = true;
                return parse_number(value, &o->as_gid);
        case ARG_AS_UID:
                o->has_as_uid = true;
                return parse_number(value, &o->as_uid);
        case ARG_CG_MEM:
                o->has_cg_mem = true;
                return parse_number(value, &o->cg_mem);
        case ARG_CORE:
                return parse_number(value, &o->core);
        default:
                assert(option == ARG_SYSCALLS);
                return parse_number(value, &(unsigned) { 0 });
        }
}

static void parse_flag(int option, IsolateOptions *o) {
        switch (option) {
        case 'D':
                o->default_rules = false;
                break;
        case 'e':
                o->full_environment = true;
                break;
        case 's':
                o->silent++;
                break;
        case 'v':
                o->verbose++;
                break;
        case ARG_CG:
                o->cg = true;
                break;
        case ARG_INHERIT_FDS:
                o->inherit_fds = true;
                break;
        case ARG_SHARE_NET:
                o->share_net = true;
                break;
        case ARG_SPECIAL_FILES:
                o->special_files = true;
                break;
        case ARG_STDERR_TO_STDOUT:
                o->stdio[2] = NULL;
                o->stderr_to_stdout = true;
                break;
        case ARG_TTY_HACK:
                o->tty_hack = true;
                break;
        case ARG_WAIT:
                o->wait = true;
                break;
        default:
                assert(option == ARG_CG_TIMING);
        }
}

static int parse_option(int option, char *value, IsolateOptions *o) {
        if (option >= _ARG_COMMAND)
                return parse_command((IsolateCommand) (option - _ARG_COMMAND), o);

        switch (option) {
        case ARG_HELP:
        case '?':
                return usage("%s", "");
        case 'c':
                o->working_directory = value;
                return 0;
        case 'd':
                return parse_rule(value, o);
        case 'E':
                return parse_environment(value, o);
        case 'i':
                o->stdio[0] = value;
                return 0;
        case 'M':
                o->meta = value;
                return 0;
        case 'o':
                o->stdio[1] = value;
                return 0;
        case 'q':
                return parse_quota(value, o);
        case 'r':
                o->stdio[2] = value;
                o->stderr_to_stdout = false;
                return 0;
        }

        if (IN_SET(option, 'b', 'f', 'k', 'm', 'n', 'p', 't', 'w', 'x', ARG_AS_GID, ARG_AS_UID, ARG_CG_MEM, ARG_CORE,
                   ARG_SYSCALLS))
                return parse_numeric(option, value, o);

        parse_flag(option, o);
        return 0;
}

static int check(const IsolateOptions *o, int n_arguments) {
        if (o->command == ISOLATE_NONE)
                return usage("Please specify an isolate command (e.g. --init, --run).\n");
        if (o->has_cg_mem && !o->cg)
                return usage("Options related to control groups require --cg to be set.\n");
        if (o->command == ISOLATE_RUN && n_arguments == 0)
                return usage("--run mode requires a command to run\n");
        if (o->command == ISOLATE_INIT && n_arguments > 0)
                return usage("--init mode takes no parameters\n");
        if (o->command == ISOLATE_CLEANUP && n_arguments > 0)
                return usage("--cleanup mode takes no parameters\n");

        return 0;
}

int isolate_options_parse(IsolateOptions *o, int argc, char *argv[]) {
        int option, r;

        assert(o);

        *o = (IsolateOptions) {
                .processes = PROCESSES_DEFAULT,
                .open_files = OPEN_FILES_DEFAULT,
                .default_rules = true,
        };

        r = dir_rules_add_defaults(&o->rules);
        if (r < 0)
                return r;

        while ((option = getopt_long(argc, argv, "b:c:d:DeE:f:i:k:m:M:n:o:p::q:r:st:vw:x:", long_options, NULL)) >= 0) {
                r = parse_option(option, optarg, o);
                if (r < 0)
                        return r;
        }

        o->arguments = argv + optind;
        return check(o, argc - optind);
}

void isolate_options_done(IsolateOptions *o) {
        assert(o);

        o->failure = mfree(o->failure);
        o->environment = strv_free(o->environment);
        dir_rules_done(&o->rules);
}
