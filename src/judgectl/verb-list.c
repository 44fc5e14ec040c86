/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-table.h"
#include "connect.h"
#include "log.h"
#include "verbs.h"
#include "whose-boxes.h"

static const char list_help[] =
        "list [OPTIONS...]\n\n"
        "List boxes.\n\n"
        "  -a --all                    Everyone's (for admins)\n"
        "     --owner=USER             This user's (for admins)\n"
        "     --no-legend              Do not print the headings and the count\n";

static int add_row(Table *t, json_object *box) {
        if (box_table_add_box(t, box) < 0 ||
            box_table_add_number(t, box, "runs") < 0 ||
            box_table_add_number(t, box, "processes") < 0 ||
            box_table_add_bytes(t, box, "memoryBytes") < 0 ||
            box_table_add_bytes(t, box, "storageUsedBytes") < 0 ||
            box_table_add_timespan(t, box, "cpuTimeUSec") < 0)
                return log_oom();

        return 0;
}

int verb_list(Context *c, int argc, char *argv[]) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(table_freep) Table *t = NULL;
        json_object *boxes;
        bool all = false;
        size_t n;
        int r;

        r = whose_boxes_parse(c, argc, argv, list_help, /* legend= */ true, &all);
        if (r <= 0)
                return r;

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        r = whose_boxes_list(c, all, connection, &reply, &boxes);
        if (r < 0)
                return r;

        if (c->json != JSON_OFF) {
                json_print(boxes, c->json);
                return STATUS_OK;
        }

        t = table_new("BOX", "OWNER", "STATE", ">RUNS", ">TASKS", ">MEMORY", ">STORAGE", ">CPU", NULL);
        if (!t)
                return log_oom();

        n = json_object_array_length(boxes);
        for (size_t i = 0; i < n; i++) {
                r = add_row(t, json_object_array_get_idx(boxes, i));
                if (r < 0)
                        return r;
        }

        if (n > 0)
                table_print(t, stdout, c->legend);
        if (c->legend)
                (void) printf("%s%zu box%s listed.\n", n > 0 ? "\n" : "", n, n == 1 ? "" : "es");

        return STATUS_OK;
}
