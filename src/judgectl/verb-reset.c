/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"
#include "log.h"
#include "verbs.h"

static const char reset_help[] =
        "reset ID\n\n"
        "Give a box back as new: no file, no process; its settings stay.\n\n"
        "     --owner=USER             Whose box is meant (for admins)\n";

int verb_reset(Context *c, int argc, char *argv[]) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        int r;

        r = context_parse_simple(c, argc, argv, reset_help, 1, 1);
        if (r <= 0)
                return r;

        r = context_check_box_id(argv[optind]);
        if (r < 0)
                return r;

        r = request_init_box(&q, argv[optind], c->owner_set ? &c->owner : NULL);
        if (r < 0)
                return log_oom();

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        return connection_call(connection, "org.judgebox.Manager.ResetBox", &q, &reply);
}
