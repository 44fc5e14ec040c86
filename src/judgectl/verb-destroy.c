/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"
#include "log.h"
#include "verbs.h"

static const char destroy_help[] =
        "destroy ID...\n\n"
        "End what runs in boxes and take them away.\n\n"
        "     --owner=USER             Whose boxes are meant (for admins)\n";

int verb_destroy(Context *c, int argc, char *argv[]) {
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r, failed = 0;

        r = context_parse_simple(c, argc, argv, destroy_help, 1, -1);
        if (r <= 0)
                return r;

        for (int i = optind; i < argc; i++) {
                r = context_check_box_id(argv[i]);
                if (r < 0)
                        return r;
        }

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        /* One that cannot be destroyed does not keep the others. */
        for (int i = optind; i < argc; i++) {
                _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
                _cleanup_(request_done) Request q = REQUEST_NULL;

                r = request_init_box(&q, argv[i], c->owner_set ? &c->owner : NULL);
                if (r < 0)
                        return log_oom();

                r = connection_call(connection, "org.judgebox.Manager.DestroyBox", &q, &reply);
                if (r < 0 && r != -EREMOTEIO)
                        return r;
                if (r < 0)
                        failed = r;
        }

        return failed;
}
