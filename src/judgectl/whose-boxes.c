/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log.h"
#include "whose-boxes.h"

int whose_boxes_check(const Context *c, bool all) {
        assert(c);

        if (all && c->owner_set) {
                log_error("--all and --owner= exclude each other.");
                return -EINVAL;
        }

        return 0;
}

int whose_boxes_parse(Context *c, int argc, char *argv[], const char *help, bool legend, bool *ret_all) {
        const struct option options[] = {
                COMMON_OPTIONS,
                OWNER_OPTION,
                { "all", no_argument, NULL, 'a' },
                { legend ? "no-legend" : NULL, no_argument, NULL, ARG_NO_LEGEND },
                {},
        };
        bool all = false;
        int option, r;

        assert(c);
        assert(ret_all);

        optind = 0;
        while ((option = getopt_long(argc, argv, "ha", options, NULL)) >= 0) {
                if (option == 'h') {
                        help_print(help);
                        return 0;
                }

                if (option == 'a') {
                        all = true;
                        continue;
                }

                r = context_parse_option(c, option, optarg);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
        }

        r = context_check_arguments(c, argc - optind, 0, 0);
        if (r >= 0)
                r = whose_boxes_check(c, all);
        if (r >= 0)
                r = context_check(c);
        if (r < 0)
                return r;

        *ret_all = all;
        return 1;
}

int whose_boxes_make_request(const Context *c, bool all, Request *q) {
        assert(c);
        assert(q);

        if (request_init(q) < 0 ||
            (all && json_add_boolean(q->parameters, "all", true) < 0) ||
            (c->owner_set && json_add_uint64(q->parameters, "owner", c->owner) < 0))
                return log_oom();

        return 0;
}

int whose_boxes_list(const Context *c, bool all, Connection *connection, VarlinkReply *reply, json_object **ret_boxes) {
        _cleanup_(request_done) Request q = REQUEST_NULL;
        json_object *boxes;
        int r;

        assert(ret_boxes);

        r = whose_boxes_make_request(c, all, &q);
        if (r < 0)
                return r;

        r = connection_call(connection, "org.judgebox.Manager.ListBoxes", &q, reply);
        if (r < 0)
                return r;

        boxes = json_get_array(reply->parameters, "boxes");
        if (!boxes) {
                log_error("The reply of judgeboxd has no list of boxes.");
                return -EBADMSG;
        }

        *ret_boxes = boxes;
        return 0;
}
