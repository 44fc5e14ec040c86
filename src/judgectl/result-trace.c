/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json-util.h"
#include "log.h"
#include "result-trace.h"
#include "string-util.h"
#include "table.h"
#include "text-util.h"

static int add_text(Table *t, const char *s) {
        return table_add(t, COLOR_NONE, text_escape(strempty(s), strlen(strempty(s)), /* keep_lines= */ false));
}

static int add_entry(Table *t, json_object *entry) {
        const char *path = json_get_string(entry, "path");
        uint64_t count = 0;
        int r;

        (void) json_get_uint64(entry, "count", &count);

        r = add_text(t, json_get_string(entry, "class"));
        if (r >= 0)
                r = add_text(t, json_get_string(entry, "syscall"));
        if (r >= 0)
                r = table_addf(t, COLOR_NONE, "%" PRIu64, count);
        if (r >= 0)
                r = add_text(t, path ?: "(not UTF-8; see --json)");
        return r;
}

void result_print_trace(FILE *f, json_object *result) {
        json_object *trace = json_get_object(result, "trace"), *entries;
        _cleanup_(table_freep) Table *t = NULL;
        uint64_t dropped;

        assert(f);

        entries = trace ? json_get_array(trace, "entries") : NULL;
        if (!entries)
                return;

        t = table_new("CLASS", "SYSCALL", ">COUNT", "PATH", NULL);
        if (!t) {
                (void) log_oom();
                return;
        }

        for (size_t i = 0; i < json_object_array_length(entries); i++)
                if (add_entry(t, json_object_array_get_idx(entries, i)) < 0) {
                        (void) log_oom();
                        return;
                }

        (void) fputc('\n', f);
        table_print(t, f, /* header= */ true);
        if (json_get_uint64(trace, "dropped", &dropped) && dropped > 0)
                (void) fprintf(f, "\nThe list is full: %" PRIu64 " more calls named paths that are not in it.\n", dropped);
}
