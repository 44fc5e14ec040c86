/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"
#include "log.h"
#include "parse-util.h"
#include "verbs.h"

static const char kill_help[] =
        "kill [OPTIONS...] ID\n\n"
        "End what runs in a box; the verdict is canceled.\n\n"
        "     --run=N                  End this run only\n"
        "     --owner=USER             Whose box is meant (for admins)\n";

enum {
        ARG_RUN = 0x400,
};

int verb_kill(Context *c, int argc, char *argv[]) {
        static const struct option options[] = {
                COMMON_OPTIONS,
                OWNER_OPTION,
                { "run", required_argument, NULL, ARG_RUN },
                {},
        };
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        bool run_set = false;
        uint64_t run = 0;
        int option, r;

        optind = 0;
        while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (option == 'h') {
                        help_print(kill_help);
                        return STATUS_OK;
                }

                if (option == ARG_RUN) {
                        if (parse_uint64(optarg, &run) < 0 || run > INT64_MAX) {
                                log_error("--run= takes the number of a run, not \"%s\".", optarg);
                                return -EINVAL;
                        }
                        run_set = true;
                        continue;
                }

                r = context_parse_option(c, option, optarg);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
        }

        r = context_check_arguments(c, argc - optind, 1, 1);
        if (r < 0)
                return r;

        r = context_check(c);
        if (r < 0)
                return r;

        r = context_check_box_id(argv[optind]);
        if (r < 0)
                return r;

        if (request_init_box(&q, argv[optind], c->owner_set ? &c->owner : NULL) < 0 ||
            (run_set && json_add_uint64(q.parameters, "run", run) < 0))
                return log_oom();

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        r = connection_call(connection, "org.judgebox.Manager.Kill", &q, &reply);
        if (r < 0)
                return r;

        if (c->json != JSON_OFF)
                json_print(reply.parameters, c->json);

        return STATUS_OK;
}
