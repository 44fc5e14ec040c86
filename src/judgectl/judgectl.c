/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "context.h"
#include "log.h"
#include "string-util.h"
#include "table.h"
#include "verbs.h"

static const Verb verbs[] = {
        { "run", verb_run, true, "Run a program, in a box of its own or in --box=ID" },
        { "judge", verb_judge, true, "Compile a submission and run it on tests" },
        { "group", verb_group, true, "Run programs together, joined by pipes" },
        { "create", verb_create, false, "Make a box" },
        { "destroy", verb_destroy, false, "Take boxes away" },
        { "reset", verb_reset, false, "Give a box back as new" },
        { "list", verb_list, false, "List boxes" },
        { "status", verb_status, false, "Show a box in full" },
        { "top", verb_top, false, "Show boxes and what they use, live" },
        { "monitor", verb_monitor, false, "Tell what becomes of boxes and runs" },
        { "put", verb_put, false, "Put files into a box" },
        { "get", verb_get, false, "Get files out of a box" },
        { "ls", verb_ls, false, "List files of a box" },
        { "rm", verb_rm, false, "Remove files of a box" },
        { "kill", verb_kill, false, "End what runs in a box" },
        { "profile", verb_profile, true, "List, show or check seccomp profiles" },
        { "check", verb_check, true, "Is this host fit for judging?" },
};

static int help(void) {
        (void) printf("judgectl [OPTIONS...] COMMAND ...\n\n"
                      "%sRun programs that nobody trusts, within exact limits.%s\n\nCommands:\n",
                      color_on(stdout, COLOR_BOLD), color_off(stdout));

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                (void) printf("  %-10s %s\n", verbs[i].name, verbs[i].summary);

        (void) puts("\nOptions:\n"
                    "  -h --help                   Show this help, or a command's\n"
                    "     --version                Show the version\n"
                    "     --private                Use a judgeboxd of my own, not the service\n"
                    "     --degrade                With --private: do without cgroup controllers\n"
                    "                              that are missing here, and say so in the results\n"
                    "     --json=pretty|short|off  Print JSON\n"
                    "     --socket=PATH            Connect to this socket\n\n"
                    "See the judgectl(1) man page for details.");
        return STATUS_OK;
}

static const Verb *find_verb(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, name))
                        return verbs + i;

        return NULL;
}

static int run(Context *c, int argc, char *argv[]) {
        static const struct option options[] = {
                COMMON_OPTIONS,
                { "version", no_argument, NULL, ARG_VERSION },
                {},
        };
        int option, r;

        while ((option = getopt_long(argc, argv, "+h", options, NULL)) >= 0) {
                if (option == 'h')
                        return help();

                if (option == ARG_VERSION) {
                        (void) puts("judgebox " PROJECT_VERSION);
                        return STATUS_OK;
                }

                r = context_parse_option(c, option, optarg);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
        }

        if (optind >= argc) {
                log_error("Which command? See judgectl --help.");
                return -EINVAL;
        }

        /* "judgectl help run" is what "judgectl run --help" is. */
        if (streq(argv[optind], "help")) {
                if (optind + 1 >= argc || argv[optind + 1][0] == '-' || streq(argv[optind + 1], "help"))
                        return help();

                argv[optind] = argv[optind + 1];
                argv[optind + 1] = (char *) "--help";
        }

        c->verb = find_verb(argv[optind]);
        if (!c->verb) {
                log_error("Unknown command \"%s\"; see judgectl --help.", argv[optind]);
                return -EINVAL;
        }

        /* The verb reads its own options, and complains in our name. */
        argv[optind] = argv[0];
        return c->verb->run(c, argc - optind, argv + optind);
}

/* Whoever starts us with a standard stream closed must not have another file of ours there, least of all one that
 * is then handed to a program: such a stream is /dev/null. */
static int open_standard_streams(void) {
        int fd;

        do {
                fd = open("/dev/null", O_RDWR);
                if (fd < 0)
                        return log_error_errno(errno, "Failed to open /dev/null: %m");
        } while (fd <= STDERR_FILENO);

        return close(fd) < 0 ? -errno : 0;
}

int main(int argc, char *argv[]) {
        Context c = CONTEXT_INIT;
        int r;

        log_setup("judgectl");

        /* A pipe whose reader is gone is an error of that write, not the end of a run that is going on. */
        (void) signal(SIGPIPE, SIG_IGN);

        r = open_standard_streams();
        if (r >= 0)
                r = run(&c, argc, argv);

        errno = 0;
        if (fflush(stdout) != 0 || ferror(stdout)) {
                if (errno != EPIPE && r != -EPIPE)
                        (void) log_error_errno(errno_or_else(EIO), "Failed to write to standard output: %m");
                r = -EPIPE;
        }

        interrupt_done(&c.interrupt);
        return r < 0 ? STATUS_TROUBLE : r;
}
