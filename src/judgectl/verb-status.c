/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"
#include "log.h"
#include "limit-option.h"
#include "parse-util.h"
#include "string-util.h"
#include "table.h"
#include "text-util.h"
#include "user.h"
#include "verbs.h"

static const char status_help[] =
        "status ID\n\n"
        "Show a box in full.\n\n"
        "     --owner=USER             Whose box is meant (for admins)\n";

static void print_text(json_object *o, const char *key, const char *name) {
        const char *s = json_get_string(o, key);
        _cleanup_free_ char *text = NULL;

        if (isempty(s))
                return;

        text = text_escape(s, strlen(s), /* keep_lines= */ false);
        field_print(stdout, name, "%s", strna(text));
}

static void print_created(json_object *o) {
        char date[64];
        struct tm tm;
        uint64_t n;
        time_t t;

        if (!json_get_uint64(o, "createdUSec", &n))
                return;

        t = (time_t) (n / USEC_PER_SEC);
        if (localtime_r(&t, &tm) && strftime(date, sizeof(date), "%a %Y-%m-%d %H:%M:%S %Z", &tm) > 0)
                field_print(stdout, "Created", "%s", date);
}

static void print_runs(json_object *o) {
        json_object *active = json_get_array(o, "activeRuns");
        _cleanup_free_ char *list = NULL;
        uint64_t n;

        if (!json_get_uint64(o, "runs", &n))
                return;

        if (active && json_object_array_length(active) > 0) {
                list = json_join_strings(active);
                field_print(stdout, "Runs", "%" PRIu64 " (going on: %s)", n, strna(list));
        } else
                field_print(stdout, "Runs", "%" PRIu64, n);
}

static void print_storage(json_object *o) {
        uint64_t used, limit;

        if (json_get_uint64(o, "storageUsedBytes", &used) && json_get_uint64(o, "storageBytes", &limit))
                field_print(stdout, "Storage", "%s (limit: %s)", FORMAT_BYTES(used), FORMAT_BYTES(limit));
        if (json_get_uint64(o, "inodesUsed", &used) && json_get_uint64(o, "inodes", &limit))
                field_print(stdout, "Files", "%" PRIu64 " (limit: %" PRIu64 ")", used, limit);
}

/* The defaults of its runs, in the order of the options. */
static void print_limits(json_object *o) {
        json_object *limits = json_get_object(o, "limits");
        const char *prefix = "Limits";

        if (!limits)
                return;

        json_object_object_foreach(limits, field, value) {
                const LimitOption *l = limit_option_by_field(field);
                uint64_t n = 0;

                if (!l || !value)
                        continue;

                (void) json_get_uint64(limits, field, &n);
                switch (l->kind) {
                case LIMIT_KIND_TIME:
                        field_print(stdout, prefix, "%s %s", l->name, FORMAT_TIMESPAN(n));
                        break;
                case LIMIT_KIND_SIZE:
                        field_print(stdout, prefix, "%s %s", l->name, FORMAT_BYTES(n));
                        break;
                case LIMIT_KIND_NUMBER:
                        field_print(stdout, prefix, "%s %" PRIu64, l->name, n);
                        break;
                case LIMIT_KIND_CPU_LIST:
                        field_print(stdout, prefix, "%s %s", l->name, strna(json_object_get_string(value)));
                }
                prefix = "";
        }
}

static void print_allowed_paths(json_object *o) {
        static const char *const accesses[] = { "read", "write", "execute", "optional" };
        json_object *array = json_get_array(o, "allowedPaths");

        for (size_t i = 0; array && i < json_object_array_length(array); i++) {
                json_object *rule = json_object_array_get_idx(array, i);
                const char *path = json_get_string(rule, "path") ?: "?";
                _cleanup_free_ char *printable = text_escape(path, strlen(path), /* keep_lines= */ false);
                char text[64] = "stat", *p = text + strlen(text);

                for (size_t k = 0; k < ELEMENTSOF(accesses); k++)
                        if (json_get_boolean(rule, accesses[k]))
                                p = stpcpy(stpcpy(p, ","), accesses[k]);

                field_print(stdout, i == 0 ? "Paths" : "", "%s (%s)", strna(printable), text);
        }
}

static void print_status(json_object *o) {
        _cleanup_free_ char *user = NULL;
        const char *state = json_get_string(o, "state") ?: "unknown";
        bool running = streq(state, "running");
        uint64_t n;

        if (json_get_uint64(o, "owner", &n))
                user = user_format(n);

        (void) printf("%s%s%s box %s of %s\n", running ? color_on(stdout, COLOR_GREEN) : "",
                      running ? "●" : "○", running ? color_off(stdout) : "",
                      json_get_string(o, "box") ?: "?", strna(user));
        field_print(stdout, "State", "%s%s%s", running ? color_on(stdout, COLOR_GREEN) : "", state,
                    running ? color_off(stdout) : "");
        print_created(o);
        print_runs(o);
        if (json_get_uint64(o, "processes", &n))
                field_print(stdout, "Tasks", "%" PRIu64, n);
        if (json_get_uint64(o, "memoryBytes", &n))
                field_print(stdout, "Memory", "%s", FORMAT_BYTES(n));
        if (json_get_uint64(o, "cpuTimeUSec", &n))
                field_print(stdout, "CPU", "%s", FORMAT_TIMESPAN(n));
        print_storage(o);
        print_text(o, "hostName", "Host name");
        print_text(o, "image", "Image");
        print_text(o, "directory", "Directory");
        print_text(o, "profile", "Profile");
        if (json_get_boolean(o, "trace"))
                field_print(stdout, "Traced", "yes");
        if (json_get_uint64(o, "leaderPid", &n))
                field_print(stdout, "Leader", "%" PRIu64 " (judgebox-init)", n);
        if (json_get_uint64(o, "uidBase", &n))
                field_print(stdout, "UIDs from", "%" PRIu64, n);
        print_text(o, "cgroup", "CGroup");
        print_limits(o);
        print_allowed_paths(o);
}

int verb_status(Context *c, int argc, char *argv[]) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        json_object *status;
        int r;

        r = context_parse_simple(c, argc, argv, status_help, 1, 1);
        if (r <= 0)
                return r;

        r = context_check_box_id(argv[optind]);
        if (r < 0)
                return r;

        if (request_init_box(&q, argv[optind], c->owner_set ? &c->owner : NULL) < 0)
                return log_oom();

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        r = connection_call(connection, "org.judgebox.Manager.GetBox", &q, &reply);
        if (r < 0)
                return r;

        status = json_get_object(reply.parameters, "status");
        if (!status) {
                log_error("The reply of judgeboxd has no status.");
                return -EBADMSG;
        }

        if (c->json != JSON_OFF)
                json_print(status, c->json);
        else
                print_status(status);

        return STATUS_OK;
}
