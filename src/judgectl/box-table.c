/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-table.h"
#include "parse-util.h"
#include "string-util.h"
#include "user.h"

int box_table_add_box(Table *t, json_object *box) {
        const char *state = json_get_string(box, "state") ?: "?";
        uint64_t owner = UINT64_MAX;
        int r;

        (void) json_get_uint64(box, "owner", &owner);

        r = table_addf(t, COLOR_NONE, "%s", json_get_string(box, "box") ?: "?");
        if (r >= 0)
                r = table_add(t, COLOR_NONE, user_format(owner));
        if (r >= 0)
                r = table_addf(t, streq(state, "running") ? COLOR_GREEN : COLOR_NONE, "%s", state);
        return r;
}

int box_table_add_number(Table *t, json_object *box, const char *key) {
        uint64_t n;

        return json_get_uint64(box, key, &n) ? table_addf(t, COLOR_NONE, "%" PRIu64, n)
                                             : table_add(t, COLOR_NONE, strdup("-"));
}

int box_table_add_bytes(Table *t, json_object *box, const char *key) {
        uint64_t n;

        return table_add(t, COLOR_NONE, strdup(json_get_uint64(box, key, &n) ? FORMAT_BYTES(n) : "-"));
}

int box_table_add_timespan(Table *t, json_object *box, const char *key) {
        uint64_t n;

        return table_add(t, COLOR_NONE, strdup(json_get_uint64(box, key, &n) ? FORMAT_TIMESPAN(n) : "-"));
}
