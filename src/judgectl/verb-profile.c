/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"
#include "fd-util.h"
#include "log.h"
#include "parse-util.h"
#include "profile.h"
#include "string-util.h"
#include "table.h"
#include "text-util.h"
#include "verbs.h"

static const char profile_help[] =
        "profile list | show NAME | check FILE...\n\n"
        "List the seccomp profiles there are, show what one does, or check a file.\n";

static int call(Context *c, const char *method, const char *name, VarlinkReply *reply) {
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        int r;

        if (request_init(&q) < 0 || (name && json_add_string(q.parameters, "profile", name) < 0))
                return log_oom();

        r = connection_open(c, &connection);
        return r < 0 ? r : connection_call(connection, method, &q, reply);
}

static int add_row(Table *t, json_object *p) {
        const char *error = json_get_string(p, "error"), *note = error ?: strempty(json_get_string(p, "description"));
        uint64_t n;
        int r;

        r = table_addf(t, COLOR_NONE, "%s", json_get_string(p, "name") ?: "?");
        if (r >= 0)
                r = json_get_uint64(p, "instructions", &n) ? table_addf(t, COLOR_NONE, "%" PRIu64, n)
                                                           : table_addf(t, COLOR_NONE, "-");
        if (r >= 0)
                r = table_addf(t, COLOR_NONE, "%s", json_get_boolean(p, "adminOnly") ? "admins" : "all");
        if (r >= 0)
                r = table_add(t, error ? COLOR_RED : COLOR_NONE, text_escape(note, strlen(note), /* keep_lines= */ false));
        return r < 0 ? log_oom() : 0;
}

static int list(Context *c) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(table_freep) Table *t = NULL;
        json_object *profiles;
        int r;

        r = call(c, "org.judgebox.Manager.ListProfiles", NULL, &reply);
        if (r < 0)
                return r;

        profiles = json_get_array(reply.parameters, "profiles");
        if (!profiles) {
                log_error("The reply of judgeboxd has no list of profiles.");
                return -EBADMSG;
        }

        if (c->json != JSON_OFF) {
                json_print(profiles, c->json);
                return STATUS_OK;
        }

        t = table_new("PROFILE", ">LENGTH", "FOR", "DESCRIPTION", NULL);
        if (!t)
                return log_oom();

        for (size_t i = 0; i < json_object_array_length(profiles); i++) {
                r = add_row(t, json_object_array_get_idx(profiles, i));
                if (r < 0)
                        return r;
        }

        table_print(t, stdout, c->legend);
        return STATUS_OK;
}

static void print_action(const char *before, json_object *rule, const char *after) {
        const char *error = json_get_string(rule, "error");

        (void) printf("%s%s%s%s%s", before, json_get_string(rule, "action") ?: "?", error ? " " : "", strempty(error),
                      after);
}

/* Like a paragraph, in lines of up to 80 columns. */
static void print_calls(json_object *calls) {
        size_t column = 0;

        for (size_t i = 0; calls && i < json_object_array_length(calls); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(calls, i));
                size_t n = strlen(name);

                if (column + n + 1 > 80)
                        column = 0;
                (void) printf("%s%s", column == 0 ? "\n   " : "", " ");
                (void) printf("%s", name);
                column = column == 0 ? 4 + n : column + n + 1;
        }
        (void) puts("");
}

static int show(Context *c, const char *name) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        json_object *profile, *rules, *remarks, *o;
        int r;

        r = call(c, "org.judgebox.Manager.GetProfile", name, &reply);
        if (r < 0)
                return r;

        if (c->json != JSON_OFF) {
                json_print(reply.parameters, c->json);
                return STATUS_OK;
        }

        o = reply.parameters;
        profile = json_get_object(o, "profile");
        rules = json_get_array(o, "rules");
        if (!profile || !rules) {
                log_error("The reply of judgeboxd has no profile.");
                return -EBADMSG;
        }

        (void) printf("%s: %s\n%s\n\n", json_get_string(profile, "name") ?: "?",
                      strempty(json_get_string(profile, "description")), json_get_string(profile, "path") ?: "?");
        for (size_t i = 0; i < json_object_array_length(rules); i++) {
                json_object *rule = json_object_array_get_idx(rules, i);

                print_action("", rule, json_get_boolean(rule, "conditional") ? ", by their arguments:" : ":");
                print_calls(json_get_array(rule, "syscalls"));
        }
        print_action("all others: ", json_get_object(o, "fallback"), "\n");
        print_action("other architectures' calls: ", json_get_object(o, "foreign"), "\n");

        remarks = json_get_array(profile, "remarks");
        for (size_t i = 0; remarks && i < json_object_array_length(remarks); i++)
                (void) printf("%s\n", json_object_get_string(json_object_array_get_idx(remarks, i)));
        return STATUS_OK;
}

/* As judgeboxd would read it, but here: the file need not be installed. */
static int check_file(const char *path) {
        _cleanup_(profile_program_done) ProfileProgram program = PROFILE_PROGRAM_NULL;
        _cleanup_(profile_freep) Profile *p = NULL;
        _cleanup_free_ char *text = NULL, *error = NULL;
        size_t size;
        int r;

        r = read_full_file_at(AT_FDCWD, path, PROFILE_TEXT_MAX, &text, &size);
        if (r < 0)
                return log_error_errno(r, "Failed to read \"%s\": %m", path);

        r = profile_parse(text, size, &p, &error);
        if (r == -EINVAL) {
                log_error("%s: %s", path, error);
                return STATUS_NO;
        }
        if (r >= 0)
                r = profile_compile(p, 0, &program);
        if (r == -E2BIG) {
                log_error("%s: The profile has too many rules for one filter.", path);
                return STATUS_NO;
        }
        if (r < 0)
                return log_error_errno(r, "%s: Failed to compile the profile: %m", path);

        (void) printf("%s: good, a filter of %zu instructions\n", path, program.n);
        STRV_FOREACH(remark, profile_remarks(p))
                (void) printf("%s: %s\n", path, *remark);
        return STATUS_OK;
}

static int check(char *paths[]) {
        int status = STATUS_OK, r;

        for (; *paths; paths++) {
                r = check_file(*paths);
                if (r < 0)
                        return r;
                status = MAX(status, r);
        }

        return status;
}

int verb_profile(Context *c, int argc, char *argv[]) {
        static const struct {
                const char *name;
                int min, max;
        } table[] = {
                { "list", 1, 1 },
                { "show", 2, 2 },
                { "check", 2, -1 },
        };
        int r;

        r = context_parse_simple(c, argc, argv, profile_help, 1, -1);
        if (r <= 0)
                return r;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                if (!streq(table[i].name, argv[optind]))
                        continue;

                r = context_check_arguments(c, argc - optind, table[i].min, table[i].max);
                if (r < 0)
                        return r;

                return streq(table[i].name, "list")   ? list(c)
                       : streq(table[i].name, "show") ? show(c, argv[optind + 1])
                                                      : check(argv + optind + 1);
        }

        log_error("profile takes list, show or check, not \"%s\".", argv[optind]);
        return -EINVAL;
}
