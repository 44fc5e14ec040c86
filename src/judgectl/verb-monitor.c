/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "connect.h"
#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "table.h"
#include "user.h"
#include "verbs.h"
#include "whose-boxes.h"

static const char monitor_help[] =
        "monitor [OPTIONS...]\n\n"
        "Tell what becomes of boxes and runs, as it happens, until ^C.\n\n"
        "  -a --all                    Everyone's (for admins)\n"
        "     --owner=USER             This user's (for admins)\n";

static void print_time(json_object *event) {
        char date[64];
        struct tm tm;
        uint64_t n;
        time_t t;

        if (!json_get_uint64(event, "timeUSec", &n))
                return;

        t = (time_t) (n / USEC_PER_SEC);
        if (localtime_r(&t, &tm) && strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm) > 0)
                (void) printf("%s%s.%03" PRIu64 "%s ", color_on(stdout, COLOR_GREY), date,
                              n % USEC_PER_SEC / USEC_PER_MSEC, color_off(stdout));
}

static void print_result(json_object *event) {
        const char *verdict = json_get_string(event, "verdict");
        bool ok = streq_ptr(verdict, "ok");
        uint64_t n;

        if (!verdict)
                return;

        (void) printf(": %s%s%s", color_on(stdout, ok ? COLOR_GREEN : COLOR_RED), verdict, color_off(stdout));
        if (json_get_uint64(event, "cpuTimeUSec", &n))
                (void) printf(", CPU %s", FORMAT_TIMESPAN(n));
        if (json_get_uint64(event, "wallTimeUSec", &n))
                (void) printf(", wall %s", FORMAT_TIMESPAN(n));
        if (json_get_uint64(event, "memoryPeakBytes", &n))
                (void) printf(", memory %s", FORMAT_BYTES(n));
}

static void print_event(json_object *event) {
        _cleanup_free_ char *owner = NULL;
        uint64_t n = UINT64_MAX;

        (void) json_get_uint64(event, "owner", &n);
        owner = user_format(n);

        print_time(event);
        (void) printf("%-12s %s/%s", json_get_string(event, "type") ?: "?", strna(owner),
                      json_get_string(event, "box") ?: "?");
        if (json_get_uint64(event, "run", &n))
                (void) printf(" %" PRIu64, n);
        print_result(event);
        (void) putchar('\n');
}

static int on_reply(json_object *parameters, bool again, void *userdata) {
        json_object *event = json_get_object(parameters, "event");
        Context *c = ASSERT_PTR(userdata);
        uint64_t n;

        if (again)
                log_warning("The service was restarted; events in between are lost.");
        if (!event)
                return 0;

        if (json_get_uint64(event, "missed", &n))
                log_warning("%" PRIu64 " events came too fast and were lost.", n);
        if (c->json != JSON_OFF)
                json_print(event, c->json);
        else
                print_event(event);

        /* Each as it happens, also into a pipe; main() says what is wrong with it. */
        return fflush(stdout) == 0 ? 0 : -errno;
}

int verb_monitor(Context *c, int argc, char *argv[]) {
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        bool all = false;
        int r;

        r = whose_boxes_parse(c, argc, argv, monitor_help, /* legend= */ false, &all);
        if (r <= 0)
                return r;

        r = whose_boxes_make_request(c, all, &q);
        if (r < 0)
                return r;

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        return connection_follow(connection, "org.judgebox.Manager.Monitor", q.parameters, on_reply, c);
}
