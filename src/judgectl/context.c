/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "context.h"
#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "table.h"
#include "user.h"

int context_parse_option(Context *c, int option, const char *value) {
        assert(c);

        switch (option) {

        case ARG_PRIVATE:
                c->private = true;
                return 1;

        case ARG_DEGRADE:
                c->degrade = true;
                return 1;

        case ARG_JSON: {
                JsonMode m = json_mode_from_string(value);

                if (m < 0) {
                        log_error("--json= takes pretty, short or off, not \"%s\".", value);
                        return -EINVAL;
                }
                c->json = m;
                return 1;
        }

        case ARG_SOCKET:
                if (value[0] != '/') {
                        log_error("--socket= takes an absolute path, not \"%s\".", value);
                        return -EINVAL;
                }
                c->socket_path = value;
                return 1;

        case ARG_OWNER:
                if (user_parse(value, &c->owner) < 0) {
                        log_error("--owner= takes a user's name or uid, not \"%s\".", value);
                        return -EINVAL;
                }
                c->owner_set = true;
                return 1;

        case ARG_NO_LEGEND:
                c->legend = false;
                return 1;

        default:
                return 0;
        }
}

int context_check(const Context *c) {
        assert(c);
        assert(c->verb);

        if (c->private && !c->verb->private_ok) {
                log_error("%s cannot be used with --private: the box would go with the private judgeboxd, as "
                          "soon as judgectl ends.", c->verb->name);
                return -EINVAL;
        }

        if (c->degrade && !c->private) {
                log_error("--degrade is for a private judgeboxd: it needs --private. The service's own "
                          "configuration says what it may do without.");
                return -EINVAL;
        }

        return 0;
}

int context_check_arguments(const Context *c, int n, int min, int max) {
        if (n < min) {
                log_error("Too few arguments; see judgectl %s --help.", c->verb->name);
                return -EINVAL;
        }

        if (max >= 0 && n > max) {
                log_error("Too many arguments; see judgectl %s --help.", c->verb->name);
                return -EINVAL;
        }

        return 0;
}

int context_check_box_id(const char *id) {
        if (box_id_is_valid(id))
                return 0;

        log_error("\"%s\" is not the id of a box, which is 1 to 32 of A-Z, a-z, 0-9, _ and -.", id);
        return -EINVAL;
}

int context_parse_simple(Context *c, int argc, char *argv[], const char *help, int min, int max) {
        static const struct option options[] = {
                OWNER_OPTION,
                COMMON_OPTIONS,
                {},
        };
        int option, r;

        /* A verb that names no box takes no owner of one. */
        optind = 0;
        while ((option = getopt_long(argc, argv, "h", min > 0 ? options : options + 1, NULL)) >= 0) {
                if (option == 'h') {
                        help_print(help);
                        return 0;
                }

                r = context_parse_option(c, option, optarg);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
        }

        r = context_check_arguments(c, argc - optind, min, max);
        if (r < 0)
                return r;

        r = context_check(c);
        return r < 0 ? r : 1;
}

static const char common_options_help[] =
        "\nOptions of every command:\n"
        "  -h --help                   Show this help\n"
        "     --private                Use a judgeboxd of my own, not the service\n"
        "     --degrade                With --private: do without cgroup controllers\n"
        "                              that are missing here, and say so in the results\n"
        "     --json=pretty|short|off  Print JSON\n"
        "     --socket=PATH            Connect to this socket\n";

void help_print(const char *text) {
        size_t usage = strcspn(text, "\n"), summary;
        const char *p = text + usage + 2;

        /* The usage, an empty line, and the summary, which stands out. */
        summary = strcspn(p, "\n");
        (void) printf("judgectl [OPTIONS...] %.*s\n\n%s%.*s%s%s%s\nSee the judgectl(1) man page for details.\n",
                      (int) usage, text,
                      color_on(stdout, COLOR_BOLD), (int) summary, p, color_off(stdout),
                      p + summary, common_options_help);
}
