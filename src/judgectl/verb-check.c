/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host-check.h"
#include "connect.h"
#include "log.h"
#include "string-util.h"
#include "table.h"
#include "verbs.h"

static const char check_help[] =
        "check\n\n"
        "Is this host fit for judging? Exit status 1 if something is bad.\n";

/* What the service itself says; with --private, one that is started for the purpose. */
static int check_service(Context *c, Checks *checks) {
        static const char advice_down[] = "systemctl enable --now judgeboxd.socket, or use --private.";
        static const char advice_degraded[] = "These limits are not enforced by a cgroup here.";
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        _cleanup_free_ char *list = NULL;
        json_object *degraded;
        const char *manager;
        int r;

        if (!c->private && access(c->socket_path, F_OK) < 0)
                return checks_add(checks, "service", CHECK_WARNING, strdup("not running"), advice_down);

        if (request_init(&q) < 0)
                return log_oom();

        r = connection_open(c, &connection);
        if (r >= 0)
                r = connection_call(connection, "org.judgebox.Manager.GetStatus", &q, &reply);
        if (r == -EINTR)
                return r;
        if (r < 0)
                return checks_add(checks, "service", CHECK_BAD, strdup("does not answer"),
                                  "See the message above, and journalctl -u judgeboxd.");

        manager = json_get_string(reply.parameters, "manager") ?: "?";
        degraded = json_get_array(reply.parameters, "degraded");
        if (!degraded || json_object_array_length(degraded) == 0)
                return checks_add(checks, "service", CHECK_OK, strprintf("version %s, cgroups by %s",
                                          json_get_string(reply.parameters, "version") ?: "?", manager), NULL);

        list = json_join_strings(degraded);
        return checks_add(checks, "service", CHECK_WARNING,
                          list ? strprintf("cgroups by %s, degraded: %s", manager, list) : NULL, advice_degraded);
}

static int print_json(const Checks *checks, JsonMode mode) {
        _cleanup_json_ json_object *array = json_object_new_array();

        if (!array)
                return log_oom();

        for (size_t i = 0; i < checks->n_checks; i++) {
                const Check *k = checks->checks + i;
                json_object *o = json_object_new_object();

                if (json_append(array, o) < 0 ||
                    json_add_string(o, "name", k->name) < 0 ||
                    json_add_string(o, "state", check_state_to_string(k->state)) < 0 ||
                    json_add_string(o, "value", k->value) < 0 ||
                    (k->advice && json_add_string(o, "advice", k->advice) < 0))
                        return log_oom();
        }

        json_print(array, mode);
        return 0;
}

static int print_table(const Checks *checks) {
        static const Color colors[_CHECK_STATE_MAX] = {
                [CHECK_OK] = COLOR_GREEN,
                [CHECK_WARNING] = COLOR_YELLOW,
                [CHECK_BAD] = COLOR_RED,
        };
        _cleanup_(table_freep) Table *t = NULL;

        t = table_new("CHECK", "STATE", "FOUND", NULL);
        if (!t)
                return log_oom();

        for (size_t i = 0; i < checks->n_checks; i++) {
                const Check *k = checks->checks + i;

                if (table_addf(t, COLOR_NONE, "%s", k->name) < 0 ||
                    table_addf(t, colors[k->state], "%s", check_state_to_string(k->state)) < 0 ||
                    table_addf(t, COLOR_NONE, "%s", k->value) < 0)
                        return log_oom();
                if (k->advice &&
                    (table_add(t, COLOR_NONE, strdup("")) < 0 || table_add(t, COLOR_NONE, strdup("")) < 0 ||
                     table_addf(t, COLOR_GREY, "%s", k->advice) < 0))
                        return log_oom();
        }

        table_print(t, stdout, /* header= */ true);

        switch (checks_state(checks)) {
        case CHECK_OK:
                (void) puts("\nThis host is fit for judging.");
                break;
        case CHECK_WARNING:
                (void) puts("\nThis host can judge; times will vary more than they need to.");
                break;
        default:
                (void) puts("\nThis host is not fit for judging.");
        }

        return 0;
}

int verb_check(Context *c, int argc, char *argv[]) {
        _cleanup_(checks_done) Checks checks = {};
        _cleanup_close_ int root_fd = -EBADF;
        int r;

        r = context_parse_simple(c, argc, argv, check_help, 0, 0);
        if (r <= 0)
                return r;

        root_fd = open("/", O_DIRECTORY | O_PATH | O_CLOEXEC);
        if (root_fd < 0)
                return log_error_errno(errno, "Failed to open /: %m");

        r = check_host(root_fd, &checks);
        if (r < 0)
                return log_oom();

        r = check_service(c, &checks);
        if (r == -EINTR)
                return r;
        if (r < 0)
                return log_oom();

        r = c->json != JSON_OFF ? print_json(&checks, c->json) : print_table(&checks);
        if (r < 0)
                return r;

        return checks_state(&checks) == CHECK_BAD ? STATUS_NO : STATUS_OK;
}
