/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-files.h"
#include "log.h"
#include "parse-util.h"
#include "verbs.h"

static const char rm_help[] =
        "rm [OPTIONS...] ID PATH...\n\n"
        "Remove files of a box.\n\n"
        "  -r --recursive              Remove directories with all below them\n"
        "     --owner=USER             Whose box is meant (for admins)\n";

int verb_rm(Context *c, int argc, char *argv[]) {
        _cleanup_(connection_closep) Connection *connection = NULL;
        bool recursive = false;
        int r, failed = 0;

        r = box_files_parse_arguments(c, argc, argv, rm_help, &recursive);
        if (r <= 0)
                return r;

        for (int i = optind + 1; i < argc; i++)
                if (!box_path_is_valid(argv[i])) {
                        log_error("\"%s\" is not a path that a box can have.", argv[i]);
                        return -EINVAL;
                }

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        for (int i = optind + 1; i < argc; i++) {
                _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
                _cleanup_(request_done) Request q = REQUEST_NULL;

                r = request_init_box(&q, argv[optind], c->owner_set ? &c->owner : NULL);
                if (r >= 0)
                        r = json_add_path(q.parameters, argv[i]);
                if (r < 0 || (recursive && json_add_boolean(q.parameters, "recursive", true) < 0))
                        return log_oom();

                r = connection_call(connection, "org.judgebox.Manager.RemoveFile", &q, &reply);
                if (r < 0 && r != -EREMOTEIO)
                        return r;
                if (r < 0)
                        failed = r;
        }

        return failed;
}
