/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "box-options.h"
#include "connect.h"
#include "log.h"
#include "string-util.h"
#include "verbs.h"

static const char create_help_head[] =
        "create [OPTIONS...] [ID]\n\n"
        "Make a box that stays until it is destroyed, and print its id.\n\n"
        "Limits given here are the defaults of its runs.\n\n";

static const char create_help_own[] =
        "     --trace                  List the paths that the programs name\n";

enum {
        ARG_TRACE = 0x400,
};

/* 1: parsed, 0: --help, negative: logged. */
static int parse(BoxOptions *o, Context *c, int argc, char *argv[], bool *ret_trace) {
        static const struct option options[] = {
                COMMON_OPTIONS,
                BOX_LONG_OPTIONS,
                { "trace", no_argument, NULL, ARG_TRACE },
                {},
        };
        bool trace = false;
        int option, r;

        optind = 0;
        while ((option = getopt_long(argc, argv, "h" BOX_SHORT_OPTIONS, options, NULL)) >= 0) {
                if (option == 'h') {
                        _cleanup_free_ char *help = NULL;

                        help = strprintf("%s%s%s%s", create_help_head, limit_options_help, create_help_own,
                                         box_options_help);
                        if (!help)
                                return log_oom();

                        help_print(help);
                        return 0;
                }

                if (option == ARG_TRACE) {
                        trace = true;
                        continue;
                }

                r = box_options_parse(o, option, optarg) ?: context_parse_option(c, option, optarg);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
        }

        r = context_check_arguments(c, argc - optind, 0, 1);
        if (r < 0)
                return r;

        if (argv[optind]) {
                r = context_check_box_id(argv[optind]);
                if (r < 0)
                        return r;
        }

        r = context_check(c);
        if (r < 0)
                return r;

        *ret_trace = trace;
        return 1;
}

int verb_create(Context *c, int argc, char *argv[]) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(box_options_done) BoxOptions o = {};
        _cleanup_(request_done) Request q = REQUEST_NULL;
        _cleanup_json_ json_object *settings = NULL;
        bool trace = false;
        const char *id;
        int r;

        r = parse(&o, c, argc, argv, &trace);
        if (r <= 0)
                return r;
        id = argv[optind];

        r = request_init(&q);
        if (r < 0)
                return log_oom();

        r = box_options_make_settings(&o, &q, &settings);
        if (r < 0)
                return r;

        /* The runs' defaults are a part of the box's settings. */
        if (!settings && (o.limits || o.profile || o.allowed_paths || trace)) {
                settings = json_object_new_object();
                if (!settings)
                        return log_oom();
        }
        if ((o.limits && json_add(settings, "limits", TAKE_PTR(o.limits)) < 0) ||
            (o.profile && json_add_string(settings, "profile", o.profile) < 0) ||
            (o.allowed_paths && json_add(settings, "allowedPaths", TAKE_PTR(o.allowed_paths)) < 0) ||
            (trace && json_add_boolean(settings, "trace", true) < 0))
                return log_oom();

        if ((id && json_add_string(q.parameters, "box", id) < 0) ||
            (settings && json_add(q.parameters, "settings", TAKE_PTR(settings)) < 0))
                return log_oom();

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        r = connection_call(connection, "org.judgebox.Manager.CreateBox", &q, &reply);
        if (r < 0)
                return r;

        if (c->json != JSON_OFF)
                json_print(reply.parameters, c->json);
        else
                (void) puts(json_get_string(reply.parameters, "box") ?: "?");
        if (c->json == JSON_OFF && json_get_string(reply.parameters, "directory"))
                (void) puts(json_get_string(reply.parameters, "directory"));

        return STATUS_OK;
}
