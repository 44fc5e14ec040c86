/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "box-table.h"
#include "box-usage.h"
#include "connect.h"
#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "verbs.h"
#include "whose-boxes.h"

/* Looking is work for the service, too. */
#define DELAY_MIN_USEC (100 * USEC_PER_MSEC)
#define DELAY_MAX_USEC (3600 * USEC_PER_SEC)

/* What is above and below the boxes on a screen. */
#define SCREEN_LINES_OTHER 3U

static const char top_help[] =
        "top [OPTIONS...]\n\n"
        "Show boxes and what they use, what uses most of the CPUs first; q ends it.\n\n"
        "  -a --all                    Everyone's (for admins)\n"
        "     --owner=USER             This user's (for admins)\n"
        "  -d --delay=TIME             From one look to the next (default: 1s)\n"
        "  -n --iterations=N           End after so many (default: never on a\n"
        "                              terminal, else 1)\n"
        "     --no-legend              Do not print the headings\n";

typedef struct Top {
        Context *context;
        bool all;
        bool live; /* on a terminal, where each table takes the place of the one before */
        usec_t delay_usec;
        uint64_t n_iterations; /* 0: no end */
        bool has_keys;
        struct termios saved;
        BoxUsageList list;
} Top;

static int parse_own_option(Top *t, int option, const char *value) {
        switch (option) {

        case 'a':
                t->all = true;
                return 1;

        case 'd':
                if (parse_usec(value, &t->delay_usec) < 0 || t->delay_usec < DELAY_MIN_USEC ||
                    t->delay_usec > DELAY_MAX_USEC) {
                        log_error("--delay= takes a time from 100ms to an hour, not \"%s\".", value);
                        return -EINVAL;
                }
                return 1;

        case 'n':
                if (parse_uint64(value, &t->n_iterations) < 0 || t->n_iterations == 0) {
                        log_error("--iterations= takes a number from 1 on, not \"%s\".", value);
                        return -EINVAL;
                }
                return 1;

        default:
                return context_parse_option(t->context, option, value);
        }
}

static int parse(Top *t, int argc, char *argv[]) {
        static const struct option options[] = {
                COMMON_OPTIONS,
                OWNER_OPTION,
                { "all", no_argument, NULL, 'a' },
                { "delay", required_argument, NULL, 'd' },
                { "iterations", required_argument, NULL, 'n' },
                { "no-legend", no_argument, NULL, ARG_NO_LEGEND },
                {},
        };
        Context *c = t->context;
        int option, r;

        optind = 0;
        while ((option = getopt_long(argc, argv, "had:n:", options, NULL)) >= 0) {
                if (option == 'h') {
                        help_print(top_help);
                        return 0;
                }

                r = parse_own_option(t, option, optarg);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
        }

        r = context_check_arguments(c, argc - optind, 0, 0);
        if (r < 0)
                return r;

        r = whose_boxes_check(c, t->all);
        if (r < 0)
                return r;

        r = context_check(c);
        return r < 0 ? r : 1;
}

/* Keys come as they are pressed, unless the terminal is somebody else's just now. */
static void terminal_take(Top *t) {
        struct termios settings;

        if (!t->live || tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &t->saved) < 0)
                return;

        settings = t->saved;
        settings.c_lflag &= ~((tcflag_t) ICANON | ECHO);
        settings.c_cc[VMIN] = 0;
        settings.c_cc[VTIME] = 0;
        t->has_keys = tcsetattr(STDIN_FILENO, TCSADRAIN, &settings) >= 0;
}

static void top_done(Top *t) {
        if (t->has_keys)
                (void) tcsetattr(STDIN_FILENO, TCSADRAIN, &t->saved);
        box_usage_list_done(&t->list);
}

static int look(Top *t, Connection *connection) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        BoxUsageList list;
        json_object *boxes;
        int r;

        r = whose_boxes_list(t->context, t->all, connection, &reply, &boxes);
        if (r < 0)
                return r;

        if (box_usage_list_init(&list, boxes, now_usec(CLOCK_MONOTONIC), now_usec(CLOCK_REALTIME), &t->list) < 0)
                return log_oom();

        box_usage_list_done(&t->list);
        t->list = list;
        return 0;
}

static int print_json(const Top *t) {
        _cleanup_json_ json_object *array = json_object_new_array();

        if (!array)
                return log_oom();

        for (size_t i = 0; i < t->list.n; i++) {
                const BoxUsage *u = t->list.by_cpu[i];
                char text[32];

                (void) snprintf(text, sizeof(text), "%.1f", u->cpu_percent);
                if ((u->cpu_percent >= 0 &&
                     json_add(u->box, "cpuPercent", json_object_new_double_s(u->cpu_percent, text)) < 0) ||
                    json_append(array, json_object_get(u->box)) < 0)
                        return log_oom();
        }

        json_print(array, t->context->json);
        return 0;
}

static int add_row(Table *t, const BoxUsage *u) {
        if (box_table_add_box(t, u->box) < 0 ||
            (u->cpu_percent < 0 ? table_add(t, COLOR_NONE, strdup("-"))
                                : table_addf(t, COLOR_NONE, "%.1f", u->cpu_percent)) < 0 ||
            box_table_add_number(t, u->box, "processes") < 0 ||
            box_table_add_bytes(t, u->box, "memoryBytes") < 0 ||
            box_table_add_number(t, u->box, "runs") < 0 ||
            box_table_add_timespan(t, u->box, "cpuTimeUSec") < 0)
                return log_oom();

        return 0;
}

static size_t count_runs(const BoxUsageList *l) {
        size_t n = 0;

        for (size_t i = 0; i < l->n; i++) {
                json_object *active = json_get_array(l->items[i].box, "activeRuns");

                n += active ? json_object_array_length(active) : 0;
        }

        return n;
}

/* A line too many would have the terminal scroll. */
static size_t count_rows(const Top *t) {
        struct winsize size;

        if (!t->live || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row <= SCREEN_LINES_OTHER)
                return t->list.n;

        return MIN(t->list.n, size.ws_row - SCREEN_LINES_OTHER);
}

static int print_table(const Top *t) {
        _cleanup_(table_freep) Table *table = NULL;
        size_t n = count_rows(t);
        int r;

        table = table_new("BOX", "OWNER", "STATE", ">CPU%", ">TASKS", ">MEMORY", ">RUNS", ">CPU", NULL);
        if (!table)
                return log_oom();

        for (size_t i = 0; i < n; i++) {
                r = add_row(table, t->list.by_cpu[i]);
                if (r < 0)
                        return r;
        }

        /* Home, and clear what is below. What a line has too much for the screen is cut off, or it would scroll. */
        if (t->live)
                (void) fputs("\x1b[H\x1b[J\x1b[?7l", stdout);
        if (t->live && t->context->legend)
                (void) printf("%zu box%s, %zu run%s going on\n", t->list.n, t->list.n == 1 ? "" : "es", count_runs(&t->list),
                              count_runs(&t->list) == 1 ? "" : "s");
        if (n > 0)
                table_print(table, stdout, t->context->legend);
        if (t->live)
                (void) fputs("\x1b[?7h", stdout);
        return 0;
}

/* 1: go on; 0: it was ended with a key; -EINTR: by a signal. */
static int wait_for_next(const Top *t) {
        usec_t end = usec_add(t->list.time_usec, t->delay_usec), now;
        struct pollfd p[] = {
                { .fd = t->context->interrupt.fd, .events = POLLIN },
                { .fd = t->has_keys ? STDIN_FILENO : -EBADF, .events = POLLIN },
        };

        while ((now = now_usec(CLOCK_MONOTONIC)) < end) {
                char key;

                if (poll(p, ELEMENTSOF(p), (int) ((end - now) / USEC_PER_MSEC) + 1) < 0 && errno != EINTR)
                        return log_error_errno(errno, "Failed to wait: %m");
                if (interrupt_check(&t->context->interrupt))
                        return -EINTR;
                if (p[1].revents == 0)
                        continue;

                /* Nothing, though there was something: the terminal is gone. */
                if (read(STDIN_FILENO, &key, 1) != 1)
                        p[1].fd = -EBADF;
                else if (IN_SET(key, 'q', 'Q'))
                        return 0;
        }

        return 1;
}

static int show(Top *t, Connection *connection) {
        int r;

        for (uint64_t i = 1;; i++) {
                r = look(t, connection);
                if (r < 0)
                        return r;

                r = t->context->json != JSON_OFF ? print_json(t) : print_table(t);
                if (r < 0)
                        return r;
                if (fflush(stdout) != 0)
                        return -errno;

                if (i == t->n_iterations)
                        return STATUS_OK;
                r = wait_for_next(t);
                if (r <= 0)
                        return r;

                if (!t->live && t->context->json == JSON_OFF)
                        (void) putchar('\n');
        }
}

int verb_top(Context *c, int argc, char *argv[]) {
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(top_done) Top t = { .context = c, .delay_usec = USEC_PER_SEC, .list = BOX_USAGE_LIST_NULL };
        const char *term = getenv("TERM");
        int r;

        r = parse(&t, argc, argv);
        if (r <= 0)
                return r;

        t.live = c->json == JSON_OFF && isatty(STDOUT_FILENO) && !isempty(term) && !streq(term, "dumb");
        if (t.n_iterations == 0 && !t.live)
                t.n_iterations = 1;

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        terminal_take(&t);
        return show(&t, connection);
}
