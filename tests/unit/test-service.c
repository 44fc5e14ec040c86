/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "manager-fixture.h"
#include "parse-util.h"
#include "service.h"
#include "test-util.h"

static VarlinkServer *server;
static Service *service;
static int notify_fd;

/* The last that the service manager was told under each of these. */
static char last_status[64];
static unsigned n_ready, n_reloading, n_stopping;
static usec_t reloading_usec;

/* Like the service manager, there before the service. */
static void setup(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        fixture_setup();
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", fixture_directory);
        notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(notify_fd, 0);
        ck_assert_int_eq(bind(notify_fd, (struct sockaddr *) &address, sizeof(address)), 0);
        ck_assert_int_eq(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
        last_status[0] = '\0';
        n_ready = n_reloading = n_stopping = 0;
        fixture_configure("[Manager]\nIdleExitSec=1s\n");
}

static void start(bool with_store, ServiceFlags flags) {
        char boxes[64];
        BoxStore *store = NULL;

        if (with_store) {
                (void) snprintf(boxes, sizeof(boxes), "%s/boxes", fixture_directory);
                ck_assert_int_eq(box_store_new(boxes, &store), 0);
        }
        fixture_start(store);
        ck_assert_int_eq(varlink_server_new(event, "v", "p", "1", "u", &server), 0);
        ck_assert_int_eq(service_new(manager, server, flags, &service), 0);
}

static void hear(void) {
        char text[256];
        ssize_t n;

        while ((n = recv(notify_fd, text, sizeof(text) - 1, 0)) >= 0) {
                text[n] = '\0';
                for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                        n_ready += streq(line, "READY=1");
                        n_reloading += streq(line, "RELOADING=1");
                        n_stopping += streq(line, "STOPPING=1");
                        if (startswith(line, "MONOTONIC_USEC="))
                                ck_assert_int_eq(parse_uint64(strchr(line, '=') + 1, &reloading_usec), 0);
                        if (startswith(line, "STATUS="))
                                (void) snprintf(last_status, sizeof(last_status), "%s", strchr(line, '=') + 1);
                }
        }
        ck_assert_int_eq(errno, EAGAIN);
}

static bool has_ended(void) {
        return sd_event_get_state(event) == SD_EVENT_FINISHED;
}

static void teardown(void) {
        Box *b, *following;

        HASH_ITER(hh, manager->boxes, b, following)
                box_stop(b);
        service = service_free(service);
        server = varlink_server_free(server);
        fixture_teardown();
        ck_assert_int_eq(close(notify_fd), 0);
}

START_TEST(test_ready) {
        start(/* with_store= */ false, 0);
        hear();
        ck_assert_uint_eq(n_ready, 0);
        service_ready(service);
        hear();
        ck_assert_uint_eq(n_ready, 1);
        ck_assert_str_eq(last_status, "0 boxes, 0 runs going on.");
}
END_TEST

START_TEST(test_ends_when_idle) {
        usec_t begin = now_usec(CLOCK_MONOTONIC);

        start(/* with_store= */ false, SERVICE_MAY_EXIT);
        ck_assert_int_eq(sd_event_loop(event), 0);
        ck_assert_uint_ge(now_usec(CLOCK_MONOTONIC), begin + USEC_PER_SEC);
        hear();
        ck_assert_uint_eq(n_stopping, 1);
}
END_TEST

/* What has changed is told when it looks around; with a box it is not idle. */
START_TEST(test_stays_with_a_box) {
        start(/* with_store= */ false, SERVICE_MAY_EXIT);
        service_ready(service);
        fixture_box("a");
        fixture_box("b");
        loop_until(event, has_ended() || (hear(), startswith(last_status, "2 boxes, 0 runs")));
        ck_assert(!has_ended());
        ck_assert_uint_eq(n_ready, 1);
        ck_assert_uint_eq(n_stopping, 0);
}
END_TEST

/* With a caller, and where nobody would start it again. */
START_TEST(test_stays) {
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        usec_t end = now_usec(CLOCK_MONOTONIC) + 3 * USEC_PER_SEC;

        start(/* with_store= */ false, _i == 0 ? SERVICE_MAY_EXIT : SERVICE_MAY_RELOAD);
        if (_i == 0) {
                ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
                ck_assert_int_eq(varlink_server_add_connection_fd(server, TAKE_FD(p[0])), 0);
        }
        loop_until(event, has_ended() || now_usec(CLOCK_MONOTONIC) >= end);
        ck_assert(!has_ended());
        hear();
        ck_assert_uint_eq(n_stopping, 0);
}
END_TEST

/* With the time of it, by which systemd knows which reload this is. */
START_TEST(test_reload) {
        usec_t begin = now_usec(CLOCK_MONOTONIC);

        start(/* with_store= */ false, SERVICE_MAY_RELOAD);
        service_ready(service);
        fixture_configure("[Manager]\nIdleExitSec=7s\n");
        ck_assert_int_eq(raise(SIGHUP), 0);
        loop_until(event, (hear(), n_ready == 2));
        ck_assert_uint_eq(n_reloading, 1);
        ck_assert_uint_ge(reloading_usec, begin);
        ck_assert_uint_le(reloading_usec, now_usec(CLOCK_MONOTONIC));
        ck_assert_uint_eq(manager->config->idle_exit_usec, 7 * USEC_PER_SEC);
}
END_TEST

/* Boxes are the next service's where there is a store, but for an admin's SIGINT; else they go first. */
START_TEST(test_signals) {
        static const struct {
                bool with_store;
                int signal;
                size_t n_boxes;
        } cases[] = { { true, SIGTERM, 1 }, { true, SIGINT, 0 }, { false, SIGTERM, 0 }, { false, SIGINT, 0 } };

        start(cases[_i].with_store, SERVICE_MAY_EXIT);
        fixture_box("b");
        ck_assert_int_eq(raise(cases[_i].signal), 0);
        ck_assert_int_eq(sd_event_loop(event), 0);
        hear();
        ck_assert_uint_eq(n_stopping, 1);
        ck_assert_uint_eq(HASH_COUNT(manager->boxes), cases[_i].n_boxes);
        ck_assert_int_eq(manager->stopping, cases[_i].n_boxes == 0);
}
END_TEST

int main(void) {
        Suite *s;
        TCase *c;

        if (geteuid() != 0) {
                printf("SKIP: service: not root\n");
                return 77;
        }

        s = suite_create("service");
        c = tcase_create("service");
        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, test_ready);
        tcase_add_test(c, test_ends_when_idle);
        tcase_add_test(c, test_stays_with_a_box);
        tcase_add_loop_test(c, test_stays, 0, 2);
        tcase_add_test(c, test_reload);
        tcase_add_loop_test(c, test_signals, 0, 4);
        suite_add_tcase(s, c);

        return test_run_suite(s);
}
