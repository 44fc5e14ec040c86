/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "box-files.h"
#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "table.h"
#include "text-util.h"
#include "verbs.h"

static const char ls_help[] =
        "ls ID [PATH]\n\n"
        "List files of a box.\n\n"
        "     --owner=USER             Whose box is meant (for admins)\n";

/* "drwxr-xr-x", as ls -l has it. */
static void format_mode(char buf[static 11], const char *type, uint64_t mode) {
        static const struct {
                const char *type;
                char letter;
        } table[] = {
                { "regular", '-' }, { "directory", 'd' }, { "symlink", 'l' }, { "fifo", 'p' }, { "socket", 's' },
        };

        buf[0] = '?';
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (streq(type, table[i].type))
                        buf[0] = table[i].letter;

        for (unsigned i = 0; i < 9; i++)
                buf[1 + i] = mode & (0400U >> i) ? "rwxrwxrwx"[i] : '-';
        if (mode & 04000)
                buf[3] = mode & 0100 ? 's' : 'S';
        if (mode & 02000)
                buf[6] = mode & 0010 ? 's' : 'S';
        if (mode & 01000)
                buf[9] = mode & 0001 ? 't' : 'T';
        buf[10] = '\0';
}

static int add_row(Table *t, json_object *entry) {
        const char *type = strempty(json_get_string(entry, "type"));
        _cleanup_free_ char *name = NULL, *printable = NULL;
        uint64_t size = 0, mode = 0, modified = 0;
        char mode_text[11], date[32] = "-";
        struct tm tm;
        time_t time;
        int r;

        r = file_entry_name(entry, &name);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0)
                return log_error_errno(r, "The service sent an entry without a usable name.");

        printable = text_escape(name, strlen(name), /* keep_lines= */ false);
        if (!printable)
                return log_oom();

        (void) json_get_uint64(entry, "sizeBytes", &size);
        (void) json_get_uint64(entry, "mode", &mode);
        format_mode(mode_text, type, mode);

        if (json_get_uint64(entry, "modifiedUSec", &modified)) {
                time = (time_t) (modified / USEC_PER_SEC);
                if (localtime_r(&time, &tm))
                        (void) strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
        }

        if (table_addf(t, COLOR_NONE, "%s", mode_text) < 0 ||
            table_addf(t, COLOR_NONE, "%" PRIu64, size) < 0 ||
            table_addf(t, COLOR_NONE, "%s", date) < 0 ||
            table_add(t, streq(type, "directory") ? COLOR_BOLD : COLOR_NONE, TAKE_PTR(printable)) < 0)
                return log_oom();

        return 0;
}

int verb_ls(Context *c, int argc, char *argv[]) {
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_json_ json_object *entries = NULL;
        _cleanup_(table_freep) Table *t = NULL;
        const char *path;
        int r;

        r = context_parse_simple(c, argc, argv, ls_help, 1, 2);
        if (r <= 0)
                return r;

        r = context_check_box_id(argv[optind]);
        if (r < 0)
                return r;

        path = argv[optind + 1];
        if (path && !box_path_is_valid(path)) {
                log_error("\"%s\" is not a path that a box can have.", path);
                return -EINVAL;
        }

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        r = box_list_files(&(BoxFiles) {
                                   .connection = connection,
                                   .box = argv[optind],
                                   .owner = c->owner_set ? &c->owner : NULL,
                           },
                           path, &entries);
        if (r < 0)
                return r;

        if (c->json != JSON_OFF) {
                json_print(entries, c->json);
                return STATUS_OK;
        }

        t = table_new("MODE", ">SIZE", "MODIFIED", "NAME", NULL);
        if (!t)
                return log_oom();

        for (size_t i = 0; i < json_object_array_length(entries); i++) {
                r = add_row(t, json_object_array_get_idx(entries, i));
                if (r < 0)
                        return r;
        }

        table_print(t, stdout, /* header= */ false);
        return STATUS_OK;
}
