/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "varlink-fixture.h"

#define LATER "{\"method\":\"" FIXTURE "Later\"}"
#define LATER_MORE "{\"method\":\"" FIXTURE "Later\",\"more\":true}"
#define LATER_ONEWAY "{\"method\":\"" FIXTURE "Later\",\"oneway\":true}"
#define N_CONNECTIONS varlink_server_get_n_connections(fixture.server)

static int answer(size_t i, const char *text) {
        return varlink_call_reply(fixture.later[i], string_object("text", text, strlen(text)));
}

/* Replies keep the order of calls, and one call is in flight at a time. */
START_TEST(test_order) {
        int fd = connect_peer();

        say(fd, LATER);
        say(fd, PING);
        say(fd, LATER);
        ck_assert_str_eq(hear(fd), "");
        ck_assert_uint_eq(fixture.n_calls, 1);

        ck_assert_int_eq(answer(0, "a"), 0);
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"text\":\"a\"}}");
        ck_assert_str_eq(hear(fd), PONG);
        ck_assert_str_eq(hear(fd), "");
        ck_assert_uint_eq(fixture.n_calls, 3);

        ck_assert_int_eq(answer(1, "b"), 0);
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"text\":\"b\"}}");
        ck_assert_int_eq(answer(1, "c"), -EALREADY);
        ck_assert_str_eq(hear(fd), "");

        close(fd);
        (void) spin();
        ck_assert_uint_eq(fixture.n_disconnects, 0);
}
END_TEST

/* A loop that waits for something, here for a call, sleeps: also if there is input that it does not read. */
START_TEST(test_no_spinning) {
        int fd = connect_peer();

        say(fd, LATER);
        (void) spin();
        ck_assert_uint_eq(spin(), 0);
        say(fd, PING);
        (void) spin();
        ck_assert_uint_eq(spin(), 0);
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        (void) spin();
        ck_assert_uint_eq(spin(), 0);
        close(fd);
}
END_TEST

/* Done writing is not gone: it waits for its replies, as `printf ... | nc -N` does. */
START_TEST(test_half_closed) {
        int fd = connect_peer();

        say(fd, LATER);
        say(fd, PING);
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        ck_assert_str_eq(hear(fd), "");
        ck_assert_uint_eq(fixture.n_disconnects, 0);

        ck_assert_int_eq(answer(0, "a"), 0);
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"text\":\"a\"}}");
        ck_assert_str_eq(hear(fd), PONG);
        assert_gone(fd);
        ck_assert_uint_eq(N_CONNECTIONS, 0);
        close(fd);
}
END_TEST

START_TEST(test_hangup) {
        static const char *const calls[] = { LATER, LATER_MORE };

        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                int fd = connect_peer();

                say(fd, calls[i]);
                say(fd, PING);
                (void) spin();
                ck_assert_uint_eq(fixture.n_later, i + 1);
                ck_assert_uint_eq(fixture.n_disconnects, i);

                close(fd);
                (void) spin();
                ck_assert_uint_eq(fixture.n_disconnects, i + 1);
                ck_assert_uint_eq(N_CONNECTIONS, 0);

                ck_assert_int_eq(answer(i, "a"), -ECONNRESET);
                ck_assert_int_eq(varlink_call_notify(fixture.later[i], NULL, NULL, 0), -ECONNRESET);
                ck_assert_int_eq(varlink_call_error_errno(fixture.later[i], -EIO), -ECONNRESET);
                ck_assert_int_eq(varlink_call_take_fd(fixture.later[i], 0), -EBADF);
                ck_assert_str_eq(varlink_call_get_method(fixture.later[i]), FIXTURE "Later");
                ck_assert_int_eq(varlink_call_get_peer(fixture.later[i])->pidfd, -EBADF);
        }

        ck_assert_uint_eq(fixture.n_calls, 2);
}
END_TEST

/* Half closed first, and gone later. */
START_TEST(test_hangup_after_half_close) {
        int fd = connect_peer();

        say(fd, LATER);
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        (void) spin();
        ck_assert_uint_eq(fixture.n_disconnects, 0);
        close(fd);
        (void) spin();
        ck_assert_uint_eq(fixture.n_disconnects, 1);
}
END_TEST

/* Killed, with the call in flight and a reply unread in its socket. */
START_TEST(test_killed) {
        int p[2], status;
        usec_t start;
        pid_t pid;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                close(p[0]);
                (void) !write(p[1], PING, sizeof(PING));
                (void) !write(p[1], LATER, sizeof(LATER));
                for (;;)
                        (void) pause();
        }
        close(p[1]);

        ck_assert_int_eq(varlink_server_add_connection_fd(fixture.server, p[0]), 0);
        while (fixture.n_later == 0)
                ck_assert_int_ge(sd_event_run(fixture.event, USEC_PER_SEC), 0);

        start = now_usec(CLOCK_MONOTONIC);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        while (fixture.n_disconnects == 0)
                ck_assert_int_ge(sd_event_run(fixture.event, USEC_PER_SEC), 0);
        ck_assert_uint_lt(now_usec(CLOCK_MONOTONIC) - start, USEC_PER_SEC / 2);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}
END_TEST

/* What was sent before the hangup is carried out, if nothing else was in flight. */
START_TEST(test_sent_and_gone) {
        int fd = connect_peer();

        for (size_t i = 0; i < 5; i++)
                say(fd, "{\"method\":\"" FIXTURE "Echo\",\"oneway\":true}");
        close(fd);
        (void) spin();
        ck_assert_uint_eq(fixture.n_calls, 5);
        ck_assert_uint_eq(N_CONNECTIONS, 0);
}
END_TEST

/* Nobody waits for a oneway call: its peer's end does not cancel it, nor what came after it. */
START_TEST(test_oneway_and_gone) {
        int fd = connect_peer();

        say(fd, LATER_ONEWAY);
        say(fd, "{\"method\":\"" FIXTURE "Echo\",\"oneway\":true}");
        close(fd);
        (void) spin();
        ck_assert_uint_eq(spin(), 0);
        ck_assert_uint_eq(fixture.n_calls, 1);
        ck_assert_uint_eq(fixture.n_disconnects, 0);
        ck_assert_uint_eq(N_CONNECTIONS, 1);
        ck_assert(varlink_call_is_oneway(fixture.later[0]));

        ck_assert_int_eq(answer(0, "a"), 0);
        (void) spin();
        ck_assert_uint_eq(fixture.n_calls, 2);
        ck_assert_uint_eq(fixture.n_disconnects, 0);
        ck_assert_uint_eq(N_CONNECTIONS, 0);
}
END_TEST

START_TEST(test_end_inside_a_message) {
        int fd = connect_peer();

        ck_assert_int_eq(send(fd, PING, 10, 0), 10);
        ck_assert_str_eq(hear(fd), "");
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        assert_gone(fd);
        ck_assert_uint_eq(fixture.n_calls, 0);
        close(fd);
}
END_TEST

/* Who drops the last reference without an answer leaves nobody waiting. */
START_TEST(test_forgotten) {
        int fd = connect_peer();

        say(fd, LATER);
        say(fd, PING);
        (void) spin();
        varlink_call_unref(fixture.later[--fixture.n_later]);
        ck_assert_str_eq(
                        hear(fd),
                        "{\"error\":\"io.systemd.System\",\"parameters\":{\"origin\":\"linux\",\"errno\":5,"
                        "\"errnoName\":\"EIO\"}}");
        ck_assert_str_eq(hear(fd), PONG);
        close(fd);
}
END_TEST

START_TEST(test_server_gone) {
        int a = connect_peer(), b = connect_peer();

        say(a, LATER);
        (void) spin();
        fixture.server = varlink_server_free(fixture.server);
        ck_assert_uint_eq(fixture.n_disconnects, 1);
        ck_assert_int_eq(answer(0, "a"), -ECONNRESET);
        assert_gone(a);
        assert_gone(b);
        close(a);
        close(b);
}
END_TEST

START_TEST(test_idle) {
        int a = connect_peer(), b = connect_peer();

        ck_assert_uint_eq(N_CONNECTIONS, 2);
        close(a);
        (void) spin();
        ck_assert_uint_eq(fixture.n_idle, 0);
        close(b);
        (void) spin();
        ck_assert_uint_eq(fixture.n_idle, 1);
        ck_assert_uint_eq(N_CONNECTIONS, 0);
}
END_TEST

/* A message that was begun has to end in time; every new byte does not start the time anew. */
START_TEST(test_partial_timeout) {
        usec_t start;
        int fd;

        varlink_server_set_partial_timeout(fixture.server, 200 * USEC_PER_MSEC);
        fd = connect_peer();

        /* Without a message, or with one in flight, there is no hurry. */
        spin_for(300 * USEC_PER_MSEC);
        assert_answer(fd, PING, PONG);
        say(fd, LATER);
        ck_assert_int_eq(send(fd, PING, 10, 0), 10);
        spin_for(300 * USEC_PER_MSEC);
        ck_assert_uint_eq(fixture.n_later, 1);
        ck_assert_int_eq(answer(0, "a"), 0);
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"text\":\"a\"}}");
        ck_assert_int_eq(send(fd, &PING[10], sizeof(PING) - 10, 0), sizeof(PING) - 10);
        ck_assert_str_eq(hear(fd), PONG);

        start = now_usec(CLOCK_MONOTONIC);
        for (size_t i = 0; i < sizeof(PING) - 1; i++) {
                if (send(fd, &PING[i], 1, MSG_NOSIGNAL) < 0)
                        break;
                spin_for(20 * USEC_PER_MSEC);
        }
        assert_gone(fd);
        ck_assert_uint_ge(now_usec(CLOCK_MONOTONIC) - start, 200 * USEC_PER_MSEC);
        close(fd);
}
END_TEST

/* Who sends the next message along with the end of the one before it is never between two, and yet never late. */
START_TEST(test_partial_overlap) {
        static const char overlap[] = PING "\0" PING;
        int fd;

        varlink_server_set_partial_timeout(fixture.server, 200 * USEC_PER_MSEC);
        fd = connect_peer();

        ck_assert_int_eq(send(fd, overlap, 10, 0), 10);
        for (size_t i = 0; i < 10; i++) {
                spin_for(50 * USEC_PER_MSEC);
                ck_assert_int_eq(send(fd, overlap + 10, sizeof(PING), MSG_NOSIGNAL), sizeof(PING));
                ck_assert_str_eq(hear(fd), PONG);
        }

        spin_for(300 * USEC_PER_MSEC);
        assert_gone(fd);
        close(fd);
}
END_TEST

/* One who asks for more than he reads is cut off; the method hears of it from the loop, and nobody else is
 * held up. */
START_TEST(test_output_limit) {
        int fd = connect_peer(), other = connect_peer(), r;
        _cleanup_free_ char *text = NULL;

        say(fd, LATER_MORE);
        (void) spin();

        text = malloc(100000);
        memset(text, 'x', 100000);
        for (size_t i = 0; i < 100; i++) {
                r = varlink_call_notify(fixture.later[0], string_object("text", text, 100000), NULL, 0);
                if (r < 0)
                        break;
        }
        ck_assert_int_eq(r, -ENOBUFS);
        ck_assert_uint_eq(fixture.n_disconnects, 0);
        assert_answer(other, PING, PONG);
        ck_assert_uint_eq(fixture.n_disconnects, 1);
        ck_assert_uint_eq(N_CONNECTIONS, 1);
        close(fd);
        close(other);
}
END_TEST

/* Who does not read his replies gets no further call served, however many he sends. */
START_TEST(test_unread_replies) {
        static const char call[] = "{\"method\":\"" FIXTURE "Echo\",\"oneway\":false,\"parameters\":{\"text\":\"0123456789abcdef0123456789abcdef0123456789abcdef\"}}";
        unsigned n_sent = 0, n_heard = 0, n_calls;
        int fd = connect_peer();

        while (n_sent < 20000 && send(fd, call, sizeof(call), MSG_DONTWAIT) == sizeof(call)) {
                n_sent++;
                if (n_sent % 50 == 0)
                        (void) spin();
        }
        (void) spin();
        ck_assert_uint_lt(n_sent, 20000);
        n_calls = fixture.n_calls;
        ck_assert_uint_lt(n_calls, n_sent);
        ck_assert_uint_eq(spin(), 0);

        /* And once he reads, everything is answered. What was sent in part is not a call. */
        for (;;) {
                const char *s = hear(fd);

                if (streq(s, ""))
                        break;
                ck_assert_ptr_nonnull(startswith(s, "{\"parameters\":{\"text\":\"0123"));
                n_heard++;
        }
        ck_assert_uint_eq(n_heard, n_sent);
        close(fd);
}
END_TEST

/* One message of each in turn: a peer with many calls in its buffer does not hold up one with a single. */
START_TEST(test_fair) {
        int busy = connect_peer(), other = connect_peer();

        /* Fewer than there is room for in the socket, for the replies. */
        for (size_t i = 0; i < 150; i++)
                say(busy, PING);

        for (size_t i = 0; i < 10; i++) {
                unsigned before = fixture.n_calls;
                char buf[64];

                say(other, PING);
                while (recv(other, buf, sizeof(buf), MSG_DONTWAIT) < 0)
                        ck_assert_int_gt(sd_event_run(fixture.event, 0), 0);
                ck_assert_uint_le(fixture.n_calls - before, 4);
        }

        (void) spin();
        ck_assert_uint_eq(fixture.n_calls, 160);
        close(busy);
        close(other);
}
END_TEST

/* The same the other way round: one who has many connections does not starve a peer's further messages. */
START_TEST(test_fair_to_pipelined) {
        int many[20], one = connect_peer();
        unsigned turns = 0;
        char buf[4096];
        size_t size = 0;

        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = connect_peer();
        for (size_t i = 0; i < 10; i++)
                say(one, PING);

        while (size < 10 * sizeof(PONG)) {
                ssize_t n;

                for (size_t i = 0; i < ELEMENTSOF(many); i++) {
                        (void) !recv(many[i], buf, sizeof(buf), MSG_DONTWAIT);
                        say(many[i], PING);
                }
                ck_assert_int_gt(sd_event_run(fixture.event, 0), 0);
                turns++;
                n = recv(one, buf, sizeof(buf), MSG_DONTWAIT);
                size += (size_t) MAX(n, (ssize_t) 0);
        }
        ck_assert_uint_le(turns, 10 * (ELEMENTSOF(many) + 2) + 40);

        close(one);
        close_many(many, ELEMENTSOF(many));
}
END_TEST

static char dir[] = "/tmp/test-varlink-XXXXXX";
static char socket_path[sizeof(dir) + 16];

static void path_setup(void) {
        ck_assert_ptr_nonnull(mkdtemp(dir));
        (void) sprintf(socket_path, "%s/socket", dir);
        fixture_setup();
}

static void path_teardown(void) {
        fixture_teardown();

        /* The server takes its socket with it. */
        ck_assert_int_eq(rmdir(dir), 0);
        strcpy(dir, "/tmp/test-varlink-XXXXXX");
}

static int connect_path(void) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd;

        strcpy(sa.sun_path, socket_path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(connect(fd, (struct sockaddr *) &sa, sizeof(sa)), 0);
        return fd;
}

START_TEST(test_listen) {
        struct stat st;
        int fd;

        ck_assert_int_eq(varlink_server_listen_path(fixture.server, socket_path, 0620), 0);
        ck_assert_int_eq(stat(socket_path, &st), 0);
        ck_assert(S_ISSOCK(st.st_mode));
        ck_assert_uint_eq(st.st_mode & 0777, 0620);

        /* Somebody is there already: we ourselves. */
        ck_assert_int_eq(varlink_server_listen_path(fixture.server, socket_path, 0600), -EADDRINUSE);

        fd = connect_path();
        assert_answer(fd, PING, PONG);
        ck_assert_int_eq(fixture.peer.pid, getpid());
        close(fd);
}
END_TEST

/* What a daemon that was killed leaves behind, at either of its names. */
START_TEST(test_listen_stale) {
        static const char *const suffixes[] = { "", ".new" };
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd;

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                (void) sprintf(sa.sun_path, "%s%s", socket_path, suffixes[i]);
                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                ck_assert_int_eq(bind(fd, (struct sockaddr *) &sa, sizeof(sa)), 0);
                ck_assert_int_eq(listen(fd, 1), 0);
                close(fd);
        }

        ck_assert_int_eq(varlink_server_listen_path(fixture.server, socket_path, 0600), 0);
        fd = connect_path();
        assert_answer(fd, PING, PONG);
        close(fd);
}
END_TEST

START_TEST(test_listen_refused) {
        char long_path[200];
        int fd;

        memset(long_path, 'x', sizeof(long_path));
        long_path[sizeof(long_path) - 1] = '\0';
        ck_assert_int_eq(varlink_server_listen_path(fixture.server, long_path, 0600), -ENAMETOOLONG);
        ck_assert_int_eq(varlink_server_listen_path(fixture.server, "/nonexistent/socket", 0600), -ENOENT);

        /* What is no socket is not removed. */
        fd = open(socket_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        close(fd);
        ck_assert_int_eq(varlink_server_listen_path(fixture.server, socket_path, 0600), -EADDRINUSE);
        ck_assert_int_eq(unlink(socket_path), 0);
}
END_TEST

/* 64 connections a uid; the next is closed at once, and there is room again when one has gone. */
START_TEST(test_connections_limit) {
        int fds[VARLINK_CONNECTIONS_PER_UID_MAX], fd;

        ck_assert_int_eq(varlink_server_listen_path(fixture.server, socket_path, 0600), 0);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = connect_path();
                (void) spin();
        }
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                assert_answer(fds[i], PING, PONG);

        for (size_t i = 0; i < 3; i++) {
                fd = connect_path();
                assert_gone(fd);
                close(fd);
        }
        ck_assert_uint_eq(N_CONNECTIONS, ELEMENTSOF(fds));

        close(fds[7]);
        (void) spin();
        fds[7] = connect_path();
        assert_answer(fds[7], PING, PONG);
        close_many(fds, ELEMENTSOF(fds));
}
END_TEST

/* No descriptors left: accepting rests, the loop does not spin, those who are there are served, and later it goes
 * on. */
START_TEST(test_out_of_descriptors) {
        struct rlimit saved, low;
        int first, second;

        ck_assert_int_eq(varlink_server_listen_path(fixture.server, socket_path, 0600), 0);
        first = connect_path();
        assert_answer(first, PING, PONG);
        second = connect_path();

        /* As many as there are. */
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &saved), 0);
        low = saved;
        low.rlim_cur = (rlim_t) second + 1;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);

        say(second, PING);
        ck_assert_uint_lt(spin(), 10);
        assert_answer(first, PING, PONG);
        ck_assert_uint_eq(N_CONNECTIONS, 1);

        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &saved), 0);
        spin_for(150 * USEC_PER_MSEC);
        ck_assert_str_eq(hear(second), PONG);
        ck_assert_uint_eq(N_CONNECTIONS, 2);
        close(first);
        close(second);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_order,        test_no_spinning,     test_half_closed,   test_hangup,
                test_hangup_after_half_close,            test_killed,        test_sent_and_gone,
                test_oneway_and_gone,                    test_end_inside_a_message,
                test_forgotten,    test_server_gone,     test_idle,          test_partial_timeout,
                test_partial_overlap,                    test_output_limit, test_unread_replies,
                test_fair,         test_fair_to_pipelined,
        };
        const TTest *const path_tests[] = {
                test_listen, test_listen_stale, test_listen_refused, test_connections_limit, test_out_of_descriptors,
        };
        int a, b;

        a = test_run("varlink-connection", tests, ELEMENTSOF(tests), fixture_setup, fixture_teardown);
        b = test_run("varlink-listen", path_tests, ELEMENTSOF(path_tests), path_setup, path_teardown);
        return a == EXIT_SUCCESS && b == EXIT_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
