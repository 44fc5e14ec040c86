/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json-check.h"
#include "varlink-fixture.h"
#include "varlink-internal.h"

START_TEST(test_calls) {
        int fd = connect_peer();

        assert_answer(fd, PING, PONG);
        assert_answer(fd, "{\"method\":\"" FIXTURE "Echo\",\"parameters\":null}", PONG);
        assert_answer(fd, "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{}}", PONG);
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"text\":\"\xc3\xa4/\\n\",\"number\":-5}}",
                        "{\"parameters\":{\"text\":\"\xc3\xa4/\\n\",\"number\":-5}}");
        assert_answer(fd, " {\n\"parameters\" : { } , \"method\" : \"" FIXTURE "Echo\" } \n", PONG);
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Echo\",\"more\":false,\"oneway\":false,\"upgrade\":false,\"com.example.x\":[1]}",
                        PONG);
        ck_assert_uint_eq(fixture.n_calls, 6);

        ck_assert_uint_eq(fixture.peer.uid, getuid());
        ck_assert_uint_eq(fixture.peer.gid, getgid());
        ck_assert_int_eq(fixture.peer.pid, getpid());
        close(fd);
}
END_TEST

START_TEST(test_byte_by_byte) {
        int fd = connect_peer();

        for (size_t i = 0; i < sizeof(PING) - 1; i++) {
                ck_assert_int_eq(send(fd, &PING[i], 1, 0), 1);
                ck_assert_str_eq(hear(fd), "");
        }
        ck_assert_int_eq(send(fd, "", 1, 0), 1);
        ck_assert_str_eq(hear(fd), PONG);
        close(fd);
}
END_TEST

START_TEST(test_pipelined) {
        static const char two[] = "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"number\":1}}\0"
                                  "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"number\":2}}";

        for (size_t chunk = 1; chunk <= sizeof(two); chunk++) {
                int fd = connect_peer();

                for (size_t i = 0; i < sizeof(two); i += chunk) {
                        size_t n = MIN(chunk, sizeof(two) - i);

                        ck_assert_int_eq(send(fd, two + i, n, 0), (ssize_t) n);
                        (void) spin();
                }
                ck_assert_str_eq(hear(fd), "{\"parameters\":{\"number\":1}}");
                ck_assert_str_eq(hear(fd), "{\"parameters\":{\"number\":2}}");
                ck_assert_str_eq(hear(fd), "");
                close(fd);
        }
}
END_TEST

START_TEST(test_protocol_errors) {
        static const char *const table[] = {
                "",
                "[[]]",
                "5",
                "null",
                "true",
                "\"x\"",
                "[]",
                "{}",
                "x",
                "{\"parameters\":{}}",
                "{\"method\":null}",
                "{\"method\":5}",
                "{\"method\":[\"" FIXTURE "Echo\"]}",
                "{\"method\":\"" FIXTURE "Echo\",\"method\":\"" FIXTURE "Echo\"}",
                "{\"method\":\"" FIXTURE "Echo\",\"m\\u0065thod\":\"" FIXTURE "Echo\"}",
                "{\"method\":\"" FIXTURE "Echo\\u0000\"}",
                "{\"method\":\"" FIXTURE "Echo\",\"parameters\":[]}",
                "{\"method\":\"" FIXTURE "Echo\",\"parameters\":\"\"}",
                "{\"method\":\"" FIXTURE "Echo\",\"parameters\":0}",
                "{\"method\":\"" FIXTURE "Echo\",\"parameters\":false}",
                "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"text\":\"a\",\"text\":\"b\"}}",
                "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"number\":18446744073709551616}}",
                "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"number\":NaN}}",
                "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"text\":\"\xff\"}}",
                "{\"method\":\"" FIXTURE "Echo\",\"more\":\"yes\"}",
                "{\"method\":\"" FIXTURE "Echo\",\"more\":1}",
                "{\"method\":\"" FIXTURE "Echo\",\"more\":null}",
                "{\"method\":\"" FIXTURE "Echo\",\"oneway\":\"yes\"}",
                "{\"method\":\"" FIXTURE "Echo\",\"upgrade\":\"yes\"}",
                "{\"method\":\"" FIXTURE "Echo\",\"more\":true,\"oneway\":true}",
                "{\"method\":\"" FIXTURE "Echo\",\"unknown\":1}",
                "{\"method\":\"" FIXTURE "Echo\",\"Parameters\":{}}",
                "{\"method\":\"" FIXTURE "Echo\"}{}",
                "{'method':'" FIXTURE "Echo'}",
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                assert_refused(table[i], strlen(table[i]) + 1);

        ck_assert_uint_eq(fixture.n_calls, 0);
        ck_assert_uint_eq(varlink_server_get_n_connections(fixture.server), 0);
}
END_TEST

/* Sends a call whose message has this many bytes before its NUL. */
static void say_sized(int fd, size_t size) {
        static const char head[] = "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"list\":[\"", tail[] = "\"]}}";
        _cleanup_free_ char *text = malloc(size + 1);
        size_t done = 0;

        memset(text, 'x', size);
        memcpy(text, head, strlen(head));
        strcpy(text + size - strlen(tail), tail);

        /* The socket is smaller than that. */
        while (done < size + 1) {
                ssize_t n = send(fd, text + done, size + 1 - done, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno == EPIPE)
                        return;
                ck_assert(n > 0 || errno == EAGAIN);
                done += (size_t) MAX(n, (ssize_t) 0);
                (void) spin();
        }
}

START_TEST(test_size_limit) {
        int fd = connect_peer();

        say_sized(fd, VARLINK_MESSAGE_MAX - 1);
        ck_assert_str_eq(hear(fd), PONG);
        say_sized(fd, VARLINK_MESSAGE_MAX);
        ck_assert_str_eq(hear(fd), PONG);
        say_sized(fd, VARLINK_MESSAGE_MAX + 1);
        assert_gone(fd);
        close(fd);
}
END_TEST

START_TEST(test_depth_limit) {
        int fd = connect_peer();
        char text[256], *p;

        /* The message and its parameters are the first two levels. */
        for (unsigned n = VARLINK_DEPTH_MAX - 2; n <= VARLINK_DEPTH_MAX - 1; n++) {
                p = stpcpy(text, "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"text\":");
                for (unsigned i = 0; i < n; i++)
                        *p++ = '[';
                for (unsigned i = 0; i < n; i++)
                        *p++ = ']';
                strcpy(p, "}}");

                say(fd, text);
                if (n + 2 <= VARLINK_DEPTH_MAX)
                        ck_assert_str_eq(
                                        hear(fd),
                                        "{\"error\":\"org.varlink.service.InvalidParameter\","
                                        "\"parameters\":{\"parameter\":\"text\"}}");
                else
                        assert_gone(fd);
        }
        close(fd);
}
END_TEST

/* A message of a megabyte may not become a hundred in memory. */
START_TEST(test_values_limit) {
        static const char head[] = "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{\"list\":[";
        _cleanup_free_ char *text = malloc(VARLINK_MESSAGE_MAX);
        int fd = connect_peer();
        char *p;

        p = stpcpy(text, head);
        for (size_t i = 0; i < JSON_CHECK_VALUES_MAX; i++)
                p = stpcpy(p, "\"\",");
        strcpy(p - 1, "]}}");

        for (size_t done = 0; done < strlen(text) + 1;) {
                ssize_t n = send(fd, text + done, strlen(text) + 1 - done, MSG_DONTWAIT | MSG_NOSIGNAL);

                ck_assert(n > 0 || errno == EAGAIN);
                done += (size_t) MAX(n, (ssize_t) 0);
                (void) spin();
        }
        assert_gone(fd);
        close(fd);
}
END_TEST

START_TEST(test_not_found) {
        int fd = connect_peer();

        assert_answer(
                        fd,
                        "{\"method\":\"org.example.other.Echo\"}",
                        "{\"error\":\"org.varlink.service.InterfaceNotFound\","
                        "\"parameters\":{\"interface\":\"org.example.other\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"org.example.tes.Echo\"}",
                        "{\"error\":\"org.varlink.service.InterfaceNotFound\","
                        "\"parameters\":{\"interface\":\"org.example.tes\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"org.example.test.x.Echo\"}",
                        "{\"error\":\"org.varlink.service.InterfaceNotFound\","
                        "\"parameters\":{\"interface\":\"org.example.test.x\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\".Echo\"}",
                        "{\"error\":\"org.varlink.service.InterfaceNotFound\","
                        "\"parameters\":{\"interface\":\"\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Nope\"}",
                        "{\"error\":\"org.varlink.service.MethodNotFound\","
                        "\"parameters\":{\"method\":\"org.example.test.Nope\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Inner\"}",
                        "{\"error\":\"org.varlink.service.MethodNotFound\","
                        "\"parameters\":{\"method\":\"org.example.test.Inner\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "\"}",
                        "{\"error\":\"org.varlink.service.MethodNotFound\","
                        "\"parameters\":{\"method\":\"org.example.test.\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"Echo\"}",
                        "{\"error\":\"org.varlink.service.MethodNotFound\","
                        "\"parameters\":{\"method\":\"Echo\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"\"}",
                        "{\"error\":\"org.varlink.service.MethodNotFound\","
                        "\"parameters\":{\"method\":\"\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Unbound\"}",
                        "{\"error\":\"org.varlink.service.MethodNotImplemented\","
                        "\"parameters\":{\"method\":\"org.example.test.Unbound\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Echo\",\"upgrade\":true}",
                        "{\"error\":\"org.varlink.service.MethodNotImplemented\","
                        "\"parameters\":{\"method\":\"org.example.test.Echo\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Stream\",\"parameters\":{\"n\":1}}",
                        "{\"error\":\"org.varlink.service.ExpectedMore\",\"parameters\":{}}");
        ck_assert_uint_eq(fixture.n_calls, 0);

        /* None of that costs the connection. */
        assert_answer(fd, PING, PONG);
        close(fd);
}
END_TEST

#define INVALID(field) "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"" field "\"}}"
#define ECHO_CALL(parameters) "{\"method\":\"" FIXTURE "Echo\",\"parameters\":{" parameters "}}"

START_TEST(test_parameters) {
        int fd = connect_peer();

        assert_answer(fd, ECHO_CALL("\"nope\":1"), INVALID("nope"));
        assert_answer(fd, ECHO_CALL("\"text\":1"), INVALID("text"));
        assert_answer(fd, ECHO_CALL("\"inner\":{\"size\":\"x\"}"), INVALID("inner.size"));
        assert_answer(fd, ECHO_CALL("\"list\":[\"a\",1]"), INVALID("list[1]"));
        assert_answer(fd, "{\"method\":\"" FIXTURE "Fail\"}", INVALID("code"));
        assert_answer(
                        fd,
                        ECHO_CALL("\"number\":\"9007199254740993\""),
                        "{\"parameters\":{\"number\":9007199254740993}}");
        assert_answer(
                        fd,
                        ECHO_CALL("\"number\":9223372036854775807"),
                        "{\"parameters\":{\"number\":9223372036854775807}}");
        assert_answer(
                        fd,
                        ECHO_CALL("\"number\":-9223372036854775808"),
                        "{\"parameters\":{\"number\":-9223372036854775808}}");
        assert_answer(fd, ECHO_CALL("\"number\":9223372036854775808"), INVALID("number"));
        assert_answer(fd, ECHO_CALL("\"number\":\"-9223372036854775809\""), INVALID("number"));
        assert_answer(fd, ECHO_CALL("\"number\":1.9"), INVALID("number"));
        assert_answer(fd, ECHO_CALL("\"number\":null,\"text\":null"), PONG);
        close(fd);
}
END_TEST

START_TEST(test_method_errors) {
        int fd = connect_peer();

        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Fail\",\"parameters\":{\"code\":13}}",
                        "{\"error\":\"io.systemd.System\",\"parameters\":{\"origin\":\"linux\",\"errno\":13,"
                        "\"errnoName\":\"EACCES\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Nothing\"}",
                        "{\"error\":\"io.systemd.System\",\"parameters\":{\"origin\":\"linux\",\"errno\":5,"
                        "\"errnoName\":\"EIO\"}}");
        assert_answer(fd, PING, PONG);
        close(fd);
}
END_TEST

/* What we say ourselves is held against the interface; what does not fit becomes an error. */
START_TEST(test_bad_replies) {
        static const char *const kinds[] = { "utf8", "nul", "nan", "unknown", "type", "error", "error-field" };
        int fd = connect_peer();
        char text[128];

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                (void) sprintf(text, "{\"method\":\"" FIXTURE "Bad\",\"parameters\":{\"kind\":\"%s\"}}", kinds[i]);
                assert_answer(
                                fd,
                                text,
                                "{\"error\":\"io.systemd.System\",\"parameters\":{\"origin\":\"linux\","
                                "\"errno\":71,\"errnoName\":\"EPROTO\"}}");
                ck_assert_int_eq(fixture.last_result, -EPROTO);
        }

        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Bad\",\"parameters\":{\"kind\":\"large\"}}",
                        "{\"error\":\"io.systemd.System\",\"parameters\":{\"origin\":\"linux\",\"errno\":90,"
                        "\"errnoName\":\"EMSGSIZE\"}}");
        ck_assert_int_eq(fixture.last_result, -ENOBUFS);
        assert_answer(
                        fd,
                        "{\"method\":\"" FIXTURE "Bad\",\"parameters\":{\"kind\":\"fds\"}}",
                        "{\"error\":\"io.systemd.System\",\"parameters\":{\"origin\":\"linux\",\"errno\":7,"
                        "\"errnoName\":\"E2BIG\"}}");
        ck_assert_int_eq(fixture.last_result, -E2BIG);
        assert_answer(fd, "{\"method\":\"" FIXTURE "Bad\",\"parameters\":{\"kind\":\"notify\"}}", PONG);
        ck_assert_int_eq(fixture.last_result, 0);
        assert_answer(fd, "{\"method\":\"" FIXTURE "Bad\",\"parameters\":{\"kind\":\"twice\"}}", PONG);
        ck_assert_int_eq(fixture.last_result, -EALREADY);
        ck_assert_str_eq(hear(fd), "");
        close(fd);
}
END_TEST

START_TEST(test_oneway) {
        int fd = connect_peer();

        say(fd, "{\"method\":\"" FIXTURE "Echo\",\"oneway\":true}");
        say(fd, "{\"method\":\"" FIXTURE "Fail\",\"parameters\":{\"code\":5},\"oneway\":true}");
        say(fd, "{\"method\":\"" FIXTURE "Fail\",\"oneway\":true}");
        say(fd, "{\"method\":\"" FIXTURE "Nope\",\"oneway\":true}");
        say(fd, "{\"method\":\"" FIXTURE "Nothing\",\"oneway\":true}");
        say(fd, "{\"method\":\"" FIXTURE "Stream\",\"parameters\":{\"n\":1},\"oneway\":true}");
        say(fd, "{\"method\":\"" FIXTURE "Bad\",\"parameters\":{\"kind\":\"utf8\"},\"oneway\":true}");
        ck_assert_str_eq(hear(fd), "");
        ck_assert_uint_eq(fixture.n_calls, 4);
        assert_answer(fd, PING, PONG);
        close(fd);
}
END_TEST

START_TEST(test_more) {
        int fd = connect_peer();

        say(fd, "{\"method\":\"" FIXTURE "Stream\",\"parameters\":{\"n\":3},\"more\":true}");
        say(fd, PING);
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"i\":0},\"continues\":true}");
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"i\":1},\"continues\":true}");
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"i\":2}}");
        ck_assert_str_eq(hear(fd), PONG);

        /* More than was to be had. */
        assert_answer(fd, "{\"method\":\"" FIXTURE "Echo\",\"more\":true}", PONG);
        close(fd);
}
END_TEST

/* Sends a call with n eventfds that bear the numbers from 100 on. */
static void say_with_fds(int fd, const char *text, size_t n) {
        int fds[VARLINK_FDS_MAX + 1];

        for (size_t i = 0; i < n; i++)
                fds[i] = eventfd(100 + (unsigned) i, EFD_CLOEXEC | EFD_NONBLOCK);
        ck_assert_int_eq(send_with_fds(fd, text, strlen(text) + 1, fds, n, 0), (ssize_t) strlen(text) + 1);
        close_many(fds, n);
}

#define TAKE_CALL(index) "{\"method\":\"" FIXTURE "TakeFd\",\"parameters\":{\"fileDescriptor\":" index "}}"

START_TEST(test_fds) {
        int fd = connect_peer();

        say_with_fds(fd, TAKE_CALL("0"), 1);
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"number\":100}}");
        say_with_fds(fd, TAKE_CALL("2"), 4);
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"number\":102}}");
        say_with_fds(fd, TAKE_CALL("15"), VARLINK_FDS_MAX);
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"number\":115}}");

        /* Out of range, or none at all. */
        say_with_fds(fd, TAKE_CALL("1"), 1);
        ck_assert_str_eq(hear(fd), INVALID("fileDescriptor"));
        say_with_fds(fd, TAKE_CALL("-1"), 1);
        ck_assert_str_eq(hear(fd), INVALID("fileDescriptor"));
        say_with_fds(fd, TAKE_CALL("9223372036854775807"), 1);
        ck_assert_str_eq(hear(fd), INVALID("fileDescriptor"));
        assert_answer(fd, TAKE_CALL("0"), INVALID("fileDescriptor"));

        /* Nobody asked for them. */
        say_with_fds(fd, PING, 3);
        ck_assert_str_eq(hear(fd), PONG);
        say_with_fds(fd, "{\"method\":\"" FIXTURE "Nope\",\"oneway\":true}", 3);
        ck_assert_str_eq(hear(fd), "");

        /* Each its own, though they all wait already. */
        say(fd, PING);
        say_with_fds(fd, TAKE_CALL("0"), 1);
        say(fd, TAKE_CALL("0"));
        say_with_fds(fd, TAKE_CALL("1"), 2);
        ck_assert_str_eq(hear(fd), PONG);
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"number\":100}}");
        ck_assert_str_eq(hear(fd), INVALID("fileDescriptor"));
        ck_assert_str_eq(hear(fd), "{\"parameters\":{\"number\":101}}");
        close(fd);
}
END_TEST

START_TEST(test_fds_refused) {
        int fd;

        fd = connect_peer();
        say_with_fds(fd, PING, VARLINK_FDS_MAX + 1);
        assert_gone(fd);
        close(fd);

        fd = connect_peer();
        ck_assert_int_eq(send(fd, "{", 1, 0), 1);
        say_with_fds(fd, "\"method\":\"" FIXTURE "Echo\"}", 1);
        assert_gone(fd);
        close(fd);

        /* With a message that is none. */
        fd = connect_peer();
        say_with_fds(fd, "{", 3);
        assert_gone(fd);
        close(fd);
}
END_TEST

/* Descriptors that wait in a call in flight are closed with its end, and with the peer's. */
START_TEST(test_fds_unclaimed) {
        int fd = connect_peer();
        size_t n;

        n = test_count_fds();
        say_with_fds(fd, "{\"method\":\"" FIXTURE "Later\"}", 3);
        (void) spin();
        ck_assert_uint_eq(test_count_fds(), n + 3);
        ck_assert_int_eq(varlink_call_reply(fixture.later[0], NULL), 0);
        ck_assert_uint_eq(test_count_fds(), n);
        ck_assert_str_eq(hear(fd), PONG);
        close(fd);
}
END_TEST

START_TEST(test_give_fd) {
        int fd = connect_peer(), fds[2];
        uint64_t number;
        char buf[128];
        size_t n_fds;

        say(fd, "{\"method\":\"" FIXTURE "GiveFd\",\"parameters\":{\"number\":42}}");
        (void) spin();
        ck_assert_int_gt(recv_with_fds(fd, buf, sizeof(buf), fds, 2, &n_fds, MSG_DONTWAIT), 0);
        ck_assert_str_eq(buf, "{\"parameters\":{\"fileDescriptor\":0}}");
        ck_assert_uint_eq(n_fds, 1);
        ck_assert_int_eq(read(fds[0], &number, sizeof(number)), sizeof(number));
        ck_assert_uint_eq(number, 42);
        close_many(fds, n_fds);
        close(fd);
}
END_TEST

START_TEST(test_service) {
        json_object *o, *p;
        int fd = connect_peer();

        assert_answer(
                        fd,
                        "{\"method\":\"org.varlink.service.GetInfo\"}",
                        "{\"parameters\":{\"vendor\":\"vendor\",\"product\":\"product\",\"version\":\"1\",\"url\":\"url\","
                        "\"interfaces\":[\"org.varlink.service\",\"org.example.test\"]}}");
        assert_answer(
                        fd,
                        "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{\"x\":1}}",
                        INVALID("x"));

        for (unsigned i = 0; i < 2; i++) {
                say(fd, i == 0 ? "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"org.example.test\"}}"
                               : "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"org.varlink.service\"}}");
                o = json_tokener_parse(hear(fd));
                p = json_object_object_get(json_object_object_get(o, "parameters"), "description");
                ck_assert_str_eq(
                                json_object_get_string(p),
                                i == 0 ? fixture_idl : varlink_interface_org_varlink_service);
                json_object_put(o);
        }

        assert_answer(
                        fd,
                        "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"org.example.nope\"}}",
                        "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":{\"interface\":\"org.example.nope\"}}");
        assert_answer(
                        fd,
                        "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}",
                        INVALID("interface"));
        close(fd);
}
END_TEST

START_TEST(test_registration) {
        ck_assert_int_eq(varlink_server_add_interface(fixture.server, fixture_idl), -EEXIST);
        ck_assert_int_eq(varlink_server_add_interface(fixture.server, "interface x"), -EINVAL);
        ck_assert_int_eq(varlink_server_bind_method(fixture.server, "Echo", method_echo, NULL), -ENOENT);
        ck_assert_int_eq(
                        varlink_server_bind_method(fixture.server, FIXTURE "Nope", method_echo, NULL),
                        -ENOENT);
        ck_assert_int_eq(
                        varlink_server_bind_method(fixture.server, FIXTURE "Oops", method_echo, NULL),
                        -ENOENT);
        ck_assert_int_eq(
                        varlink_server_bind_method(fixture.server, "org.example.Echo", method_echo, NULL),
                        -ENOENT);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_calls,       test_byte_by_byte,  test_pipelined,   test_protocol_errors, test_size_limit,
                test_depth_limit, test_values_limit,  test_not_found,   test_parameters,      test_method_errors,
                test_bad_replies, test_oneway,        test_more,        test_fds,             test_fds_refused,
                test_fds_unclaimed, test_give_fd,     test_service,     test_registration,
        };

        return test_run("varlink-server", tests, ELEMENTSOF(tests), fixture_setup, fixture_teardown);
}
