/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <sys/wait.h>

#include "varlink-fixture.h"

static VarlinkClient *client;
static int fake; /* the other end, where the test itself plays the server */
static pid_t server_pid;
static size_t n_fds_before;

/* Runs the fixture's server until its only peer is gone. */
_noreturn_ static void serve(int fd) {
        fixture_setup();
        ck_assert_int_eq(varlink_server_add_connection_fd(fixture.server, fd), 0);
        while (fixture.n_idle == 0)
                ck_assert_int_ge(sd_event_run(fixture.event, UINT64_MAX), 0);
        for (size_t i = 0; i < fixture.n_later; i++)
                varlink_call_unref(fixture.later[i]);
        varlink_server_free(fixture.server);
        sd_event_unref(fixture.event);
        exit(EXIT_SUCCESS);
}

static void server_setup(void) {
        int p[2];

        n_fds_before = test_count_fds();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
        server_pid = fork();
        ck_assert_int_ge(server_pid, 0);
        if (server_pid == 0) {
                close(p[0]);
                serve(p[1]);
        }

        close(p[1]);
        ck_assert_int_eq(varlink_client_new_from_fd(p[0], &client), 0);
}

static void server_teardown(void) {
        int status;

        client = varlink_client_free(client);
        ck_assert_int_eq(waitpid(server_pid, &status, 0), server_pid);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
        ck_assert_uint_eq(test_count_fds(), n_fds_before);
}

static void fake_setup(void) {
        int p[2];

        n_fds_before = test_count_fds();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
        fake = p[1];
        ck_assert_int_eq(varlink_client_new_from_fd(p[0], &client), 0);
}

static void fake_teardown(void) {
        client = varlink_client_free(client);
        fake = safe_close(fake);
        ck_assert_uint_eq(test_count_fds(), n_fds_before);
}

#define assert_reply(reply, wanted_error, wanted)                                                               \
        do {                                                                                                    \
                ck_assert(streq_ptr((reply)->error, (wanted_error)));                                           \
                ck_assert_str_eq(                                                                               \
                                json_object_to_json_string_ext((reply)->parameters, JSON_C_TO_STRING_PLAIN),    \
                                (wanted));                                                                      \
                varlink_reply_done(reply);                                                                      \
        } while (false)

START_TEST(test_call) {
        VarlinkReply r = VARLINK_REPLY_NULL;

        ck_assert_int_eq(varlink_client_call(client, FIXTURE "Echo", NULL, NULL, 0, &r), 0);
        ck_assert(!r.continues);
        assert_reply(&r, NULL, "{}");

        ck_assert_int_eq(
                        varlink_client_call(client, FIXTURE "Echo", int_object("number", INT64_MIN), NULL, 0, &r),
                        0);
        assert_reply(&r, NULL, "{\"number\":-9223372036854775808}");

        ck_assert_int_eq(varlink_client_call(client, FIXTURE "Nope", NULL, NULL, 0, &r), 0);
        assert_reply(&r, VARLINK_ERROR_METHOD_NOT_FOUND, "{\"method\":\"org.example.test.Nope\"}");
}
END_TEST

START_TEST(test_large) {
        enum { SIZE = 1000000 };
        _cleanup_free_ char *text = malloc(SIZE + 1);
        VarlinkReply r = VARLINK_REPLY_NULL;

        memset(text, 'x', SIZE);
        text[SIZE] = '\0';
        for (size_t i = 0; i < 5; i++) {
                ck_assert_int_eq(
                                varlink_client_call(client, FIXTURE "Echo", string_object("text", text, SIZE), NULL, 0, &r),
                                0);
                ck_assert_ptr_null(r.error);
                ck_assert_str_eq(json_object_get_string(json_object_object_get(r.parameters, "text")), text);
                varlink_reply_done(&r);
        }
}
END_TEST

START_TEST(test_too_large) {
        enum { SIZE = VARLINK_MESSAGE_MAX };
        const int many[VARLINK_FDS_MAX + 1] = {};
        _cleanup_free_ char *text = malloc(SIZE);
        VarlinkReply r = VARLINK_REPLY_NULL;

        memset(text, 'x', SIZE);
        ck_assert_int_eq(
                        varlink_client_call(client, FIXTURE "Echo", string_object("text", text, SIZE), NULL, 0, &r),
                        -EMSGSIZE);
        ck_assert_int_eq(
                        varlink_client_call(client, FIXTURE "Echo", string_object("text", "\xff", 1), NULL, 0, &r),
                        -EPROTO);

        ck_assert_int_eq(
                        varlink_client_call(client, FIXTURE "Echo", NULL, many, ELEMENTSOF(many), &r),
                        -E2BIG);

        /* Nothing was sent. */
        ck_assert_int_eq(varlink_client_call(client, FIXTURE "Echo", NULL, NULL, 0, &r), 0);
        assert_reply(&r, NULL, "{}");
}
END_TEST

START_TEST(test_more) {
        VarlinkReply r = VARLINK_REPLY_NULL;
        char text[32];

        ck_assert_int_eq(
                        varlink_client_send(client, FIXTURE "Stream", int_object("n", 5), NULL, 0, VARLINK_CALL_MORE),
                        0);
        for (int i = 0; i < 5; i++) {
                ck_assert_int_eq(varlink_client_receive(client, USEC_INFINITY, &r), 0);
                ck_assert(r.continues == (i < 4));
                (void) sprintf(text, "{\"i\":%i}", i);
                assert_reply(&r, NULL, text);
        }
}
END_TEST

START_TEST(test_oneway) {
        VarlinkReply r = VARLINK_REPLY_NULL;

        ck_assert_int_eq(varlink_client_send(client, FIXTURE "Nope", NULL, NULL, 0, VARLINK_CALL_ONEWAY), 0);
        ck_assert_int_eq(varlink_client_send(client, FIXTURE "Echo", NULL, NULL, 0, VARLINK_CALL_ONEWAY), 0);
        ck_assert_int_eq(
                        varlink_client_call(client, FIXTURE "Echo", int_object("number", 3), NULL, 0, &r),
                        0);
        assert_reply(&r, NULL, "{\"number\":3}");
}
END_TEST

START_TEST(test_pipelined) {
        VarlinkReply r = VARLINK_REPLY_NULL;
        char text[32];

        for (unsigned i = 0; i < VARLINK_CLIENT_PENDING_MAX; i++)
                ck_assert_int_eq(
                                varlink_client_send(client, FIXTURE "Echo", int_object("number", i), NULL, 0, 0),
                                0);
        ck_assert_int_eq(varlink_client_send(client, FIXTURE "Echo", NULL, NULL, 0, 0), -EBUSY);
        for (unsigned i = 0; i < VARLINK_CLIENT_PENDING_MAX; i++) {
                ck_assert_int_eq(varlink_client_receive(client, USEC_INFINITY, &r), 0);
                (void) sprintf(text, "{\"number\":%u}", i);
                assert_reply(&r, NULL, text);
        }
        ck_assert_int_eq(varlink_client_call(client, FIXTURE "Echo", NULL, NULL, 0, &r), 0);
        assert_reply(&r, NULL, "{}");
}
END_TEST

/* Calls and replies that are larger than the sockets, with neither side waiting for the other for ever. */
START_TEST(test_pipelined_large) {
        enum { SIZE = 900000, N = 8 };
        _cleanup_free_ char *text = malloc(SIZE);
        VarlinkReply r = VARLINK_REPLY_NULL;

        memset(text, 'x', SIZE);
        ck_assert_int_eq(varlink_client_get_events(client), POLLIN);
        for (unsigned i = 0; i < N; i++)
                ck_assert_int_eq(
                                varlink_client_send(client, FIXTURE "Echo", string_object("text", text, SIZE), NULL, 0, 0),
                                0);
        ck_assert_int_eq(varlink_client_get_events(client), POLLIN | POLLOUT);
        for (unsigned i = 0; i < N; i++) {
                ck_assert_int_eq(varlink_client_receive(client, USEC_INFINITY, &r), 0);
                ck_assert_int_eq(
                                json_object_get_string_len(json_object_object_get(r.parameters, "text")),
                                SIZE);
                varlink_reply_done(&r);
        }
        ck_assert_int_eq(varlink_client_get_events(client), POLLIN);
}
END_TEST

START_TEST(test_fds) {
        VarlinkReply r = VARLINK_REPLY_NULL;
        _cleanup_close_ int fd = -EBADF, got = -EBADF;
        uint64_t number;

        fd = eventfd(77, EFD_CLOEXEC);
        ck_assert_int_eq(
                        varlink_client_call(client, FIXTURE "TakeFd", int_object("fileDescriptor", 0), &fd, 1, &r),
                        0);
        ck_assert_uint_eq(r.n_fds, 0);
        assert_reply(&r, NULL, "{\"number\":77}");

        ck_assert_int_eq(
                        varlink_client_call(client, FIXTURE "GiveFd", int_object("number", 78), NULL, 0, &r),
                        0);
        ck_assert_int_eq(varlink_reply_take_fd(&r, 1), -EBADF);
        ck_assert_int_eq(varlink_reply_take_fd(&r, -1), -EBADF);
        got = varlink_reply_take_fd(&r, 0);
        ck_assert_int_ge(got, 0);
        ck_assert(fcntl(got, F_GETFD) & FD_CLOEXEC);
        ck_assert_int_eq(varlink_reply_take_fd(&r, 0), -EBADF);
        ck_assert_int_eq(read(got, &number, sizeof(number)), sizeof(number));
        ck_assert_uint_eq(number, 78);
        varlink_reply_done(&r);

        /* One that nobody takes goes with the reply. */
        ck_assert_int_eq(
                        varlink_client_call(client, FIXTURE "GiveFd", int_object("number", 79), NULL, 0, &r),
                        0);
        varlink_reply_done(&r);
        ck_assert_ptr_null(r.parameters);
}
END_TEST

START_TEST(test_deadline) {
        VarlinkReply r = VARLINK_REPLY_NULL;
        usec_t start;

        ck_assert_int_eq(varlink_client_send(client, FIXTURE "Later", NULL, NULL, 0, 0), 0);
        start = now_usec(CLOCK_MONOTONIC);
        ck_assert_int_eq(varlink_client_receive(client, start + 50 * USEC_PER_MSEC, &r), -ETIMEDOUT);
        ck_assert_uint_ge(now_usec(CLOCK_MONOTONIC) - start, 50 * USEC_PER_MSEC);
        ck_assert_int_eq(varlink_client_receive(client, 0, &r), -ETIMEDOUT);
        ck_assert_int_eq(fd_wait_for_event(varlink_client_get_fd(client), POLLIN, 0), 0);
}
END_TEST

/* The server's words, and what becomes of them. A call with more, or without, is pending. */
static void check_words(const char *words, size_t size, bool more, int result) {
        VarlinkReply r = VARLINK_REPLY_NULL;

        fake_setup();
        ck_assert_int_eq(
                        varlink_client_send(client, FIXTURE "Echo", NULL, NULL, 0, more ? VARLINK_CALL_MORE : 0),
                        0);
        ck_assert_int_eq(send(fake, words, size, 0), (ssize_t) size);
        ck_assert_msg(varlink_client_receive(client, now_usec(CLOCK_MONOTONIC), &r) == result, "%s", words);
        if (result == 0)
                ck_assert_ptr_nonnull(r.parameters);
        else
                ck_assert_ptr_null(r.parameters);
        varlink_reply_done(&r);
        fake_teardown();
}

START_TEST(test_words) {
        static const struct {
                const char *words;
                bool more;
                int result;
        } table[] = {
                { "{}", false, 0 },
                { "{\"parameters\":null}", false, 0 },
                { "{\"parameters\":{},\"continues\":false}", false, 0 },
                { "{\"parameters\":{},\"continues\":true}", true, 0 },
                { "{\"error\":\"a.B\"}", false, 0 },
                { "{\"com.example.vendor\":1}", false, 0 },
                { "{\"parameters\":{},\"continues\":true}", false, -EBADMSG },
                { "{\"error\":\"a.B\",\"continues\":true}", true, -EBADMSG },
                { "", false, -EBADMSG },
                { "[]", false, -EBADMSG },
                { "null", false, -EBADMSG },
                { "{\"parameters\":[]}", false, -EBADMSG },
                { "{\"parameters\":{},\"parameters\":{}}", false, -EBADMSG },
                { "{\"error\":5}", false, -EBADMSG },
                { "{\"error\":null}", false, -EBADMSG },
                { "{\"continues\":1}", true, -EBADMSG },
                { "{\"unknown\":1}", false, -EBADMSG },
                { "{\"parameters\":{\"a\":\"\xff\"}}", false, -EBADMSG },
                { "{\"parameters\":{\"a\":99999999999999999999}}", false, -EBADMSG },
                { "{\"parameters\":{\"a\":", false, -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                check_words(table[i].words, strlen(table[i].words) + 1, table[i].more, table[i].result);

        /* No end yet. */
        check_words("{\"parameters\":{}}", strlen("{\"parameters\":{}}"), false, -ETIMEDOUT);
        check_words("{", 1, false, -ETIMEDOUT);
}
END_TEST

START_TEST(test_unasked) {
        VarlinkReply r = VARLINK_REPLY_NULL;

        ck_assert_int_eq(send(fake, "{}", 3, 0), 3);
        ck_assert_int_eq(varlink_client_receive(client, 0, &r), -EBADMSG);

        /* Nor is there an answer to what was sent oneway. */
        ck_assert_int_eq(varlink_client_send(client, FIXTURE "Echo", NULL, NULL, 0, VARLINK_CALL_ONEWAY), 0);
        ck_assert_int_eq(send(fake, "{}", 3, 0), 3);
        ck_assert_int_eq(varlink_client_receive(client, 0, &r), -EBADMSG);
}
END_TEST

START_TEST(test_server_gone) {
        VarlinkReply r = VARLINK_REPLY_NULL;

        ck_assert_int_eq(varlink_client_send(client, FIXTURE "Echo", NULL, NULL, 0, 0), 0);
        ck_assert_int_eq(send(fake, "{\"par", 5, 0), 5);
        ck_assert_int_eq(shutdown(fake, SHUT_WR), 0);
        ck_assert_int_eq(varlink_client_receive(client, USEC_INFINITY, &r), -ECONNRESET);
        fake = safe_close(fake);
        ck_assert_int_eq(varlink_client_call(client, FIXTURE "Echo", NULL, NULL, 0, &r), -EPIPE);
}
END_TEST

START_TEST(test_message) {
        static const struct {
                const char *method;
                bool number;
                VarlinkCallFlags flags;
                const char *text;
        } table[] = {
                { "a.B", false, 0, "{\"method\":\"a.B\",\"parameters\":{}}" },
                { "a.B", true, 0, "{\"method\":\"a.B\",\"parameters\":{\"n\":5}}" },
                { "a.B", false, VARLINK_CALL_MORE, "{\"method\":\"a.B\",\"parameters\":{},\"more\":true}" },
                { "a.B", true, VARLINK_CALL_ONEWAY, "{\"method\":\"a.B\",\"parameters\":{\"n\":5},\"oneway\":true}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char buf[128];

                ck_assert_int_eq(
                                varlink_client_send(
                                                client,
                                                table[i].method,
                                                table[i].number ? int_object("n", 5) : NULL,
                                                NULL,
                                                0,
                                                table[i].flags),
                                0);
                ck_assert_int_eq(recv(fake, buf, sizeof(buf), 0), (ssize_t) strlen(table[i].text) + 1);
                ck_assert_str_eq(buf, table[i].text);
        }
}
END_TEST

/* Descriptors that came with what is no reply, or with one nobody fetched. */
START_TEST(test_fds_dropped) {
        VarlinkReply r = VARLINK_REPLY_NULL;

        ck_assert_int_eq(varlink_client_send(client, FIXTURE "Echo", NULL, NULL, 0, VARLINK_CALL_MORE), 0);
        ck_assert_int_eq(send_with_fds(fake, "{}x", 4, &fake, 1, 0), 4);
        ck_assert_int_eq(varlink_client_receive(client, 0, &r), -EBADMSG);
        ck_assert_int_eq(send_with_fds(fake, "{}", 3, &fake, 1, 0), 3);
        ck_assert_int_eq(send_with_fds(fake, "{}", 3, &fake, 1, 0), 3);
        ck_assert_int_eq(varlink_client_receive(client, 0, &r), 0);
        ck_assert_uint_eq(r.n_fds, 1);
        varlink_reply_done(&r);
}
END_TEST

START_TEST(test_connect) {
        VarlinkClient *c = NULL;
        char long_path[200];

        memset(long_path, 'x', sizeof(long_path));
        long_path[sizeof(long_path) - 1] = '\0';
        ck_assert_int_eq(varlink_client_connect(long_path, &c), -ENAMETOOLONG);
        ck_assert_int_eq(varlink_client_connect("/nonexistent/socket", &c), -ENOENT);
        ck_assert_ptr_null(c);
}
END_TEST

int main(void) {
        const TTest *const server_tests[] = {
                test_call,   test_large,     test_too_large, test_more,
                test_oneway, test_pipelined, test_pipelined_large,
                test_fds,    test_deadline,
        };
        const TTest *const fake_tests[] = {
                test_unasked, test_server_gone, test_message, test_fds_dropped,
        };
        const TTest *const other_tests[] = {
                test_words, test_connect,
        };
        int a, b, c;

        a = test_run(
                        "varlink-client",
                        server_tests,
                        ELEMENTSOF(server_tests),
                        server_setup,
                        server_teardown);
        b = test_run("varlink-client-fake", fake_tests, ELEMENTSOF(fake_tests), fake_setup, fake_teardown);
        c = test_run("varlink-client-words", other_tests, ELEMENTSOF(other_tests), NULL, NULL);
        return a == EXIT_SUCCESS && b == EXIT_SUCCESS && c == EXIT_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
