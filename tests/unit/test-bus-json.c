/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus-json.h"
#include "fd-util.h"
#include "json-build.h"
#include "test-util.h"

static sd_bus *bus;
static int peer;
static sd_bus_message *message;

/* A connection on which nobody answers: enough to make messages of. */
static void setup(void) {
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        peer = fds[1];
        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_fd(bus, fds[0], fds[0]), 0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
        ck_assert_int_ge(sd_bus_message_new_method_call(bus, &message, "a.b", "/", "c.d", "E"), 0);
}

static void teardown(void) {
        message = sd_bus_message_unref(message);
        bus = sd_bus_close_unref(bus);
        peer = safe_close(peer);
}

static void seal(void) {
        ck_assert_int_ge(sd_bus_message_seal(message, 1, 0), 0);
        ck_assert_int_ge(sd_bus_message_rewind(message, true), 0);
}

static int read_back(BusFds *fds, json_object **ret) {
        seal();
        return bus_json_read(message, fds, ret);
}

static void check_json(json_object *o, const char *expected) {
        ck_assert_str_eq(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), expected);
}

START_TEST(test_types) {
        _cleanup_(bus_fds_done) BusFds fds = {};
        _cleanup_json_ json_object *o = NULL;

        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 13,
                                               "y", "y", 255, "n", "n", -5, "q", "q", 65535, "i", "i", -70000,
                                               "u", "u", 4294967295U, "x", "x", INT64_MIN, "t", "t", (uint64_t) INT64_MAX,
                                               "b", "b", 1, "s", "s", "text", "o", "o", "/path",
                                               "v", "v", "s", "inner",
                                               "as", "as", 2, "a", "b",
                                               "dict", "a{sv}", 1, "deeper", "at", 2, (uint64_t) 1, (uint64_t) 2), 0);
        ck_assert_int_eq(read_back(&fds, &o), 0);
        check_json(o, "{\"y\":255,\"n\":-5,\"q\":65535,\"i\":-70000,\"u\":4294967295,\"x\":-9223372036854775808,"
                      "\"t\":9223372036854775807,\"b\":true,\"s\":\"text\",\"o\":\"\\/path\",\"v\":\"inner\","
                      "\"as\":[\"a\",\"b\"],\"dict\":{\"deeper\":[1,2]}}");
        ck_assert_uint_eq(fds.n_fds, 0);
}
END_TEST

START_TEST(test_round_trip) {
        static const char text[] = "{\"s\":\"text\",\"n\":5,\"m\":-5,\"big\":9223372036854775807,\"yes\":true,\"no\":false,"
                                   "\"none\":[],\"words\":[\"a\",\"b\"],\"numbers\":[1,-2,3],\"object\":{\"in\":{}},"
                                   "\"objects\":[{\"a\":1},{\"b\":\"x\"}]}";
        _cleanup_json_ json_object *o = json_tokener_parse(text), *back = NULL;
        _cleanup_(bus_fds_done) BusFds fds = {};

        ck_assert_int_ge(bus_json_append(message, o, NULL, 0), 0);
        ck_assert_int_eq(read_back(&fds, &back), 0);
        check_json(back, text);
}
END_TEST

/* What is null is not sent. */
START_TEST(test_null) {
        _cleanup_json_ json_object *o = json_tokener_parse("{\"a\":null,\"b\":1}"), *back = NULL;
        _cleanup_(bus_fds_done) BusFds fds = {};

        ck_assert_int_ge(bus_json_append(message, o, NULL, 0), 0);
        ck_assert_int_eq(read_back(&fds, &back), 0);
        check_json(back, "{\"b\":1}");
}
END_TEST

START_TEST(test_fds_out) {
        _cleanup_json_ json_object *o = NULL, *back = NULL;
        _cleanup_(bus_fds_done) BusFds fds = {};
        int pair[2], taken;
        struct stat a, b;

        ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
        o = json_tokener_parse("{\"outFileDescriptor\":1,\"files\":[{\"fileDescriptor\":0}],\"descriptor\":1}");
        ck_assert_int_ge(bus_json_append(message, o, pair, ELEMENTSOF(pair)), 0);
        ck_assert_int_eq(read_back(&fds, &back), 0);
        check_json(back, "{\"outFileDescriptor\":0,\"files\":[{\"fileDescriptor\":1}],\"descriptor\":1}");
        ck_assert_uint_eq(fds.n_fds, 2);

        taken = bus_fds_take(&fds, 1);
        ck_assert_int_ge(taken, 3);
        ck_assert_int_ne(fcntl(taken, F_GETFD) & FD_CLOEXEC, 0);
        ck_assert_int_eq(fstat(taken, &a), 0);
        ck_assert_int_eq(fstat(pair[0], &b), 0);
        ck_assert_uint_eq(a.st_ino, b.st_ino);
        ck_assert_int_eq(bus_fds_take(&fds, 1), -EBADF);
        ck_assert_int_eq(bus_fds_take(&fds, 2), -EBADF);
        ck_assert_int_eq(bus_fds_take(&fds, -1), -EBADF);
        ck_assert_int_eq(bus_fds_take(&fds, INT64_MAX), -EBADF);

        (void) safe_close(taken);
        (void) safe_close(pair[0]);
        (void) safe_close(pair[1]);
}
END_TEST

START_TEST(test_fd_that_is_not_there) {
        _cleanup_json_ json_object *beyond = json_tokener_parse("{\"fileDescriptor\":1}");
        _cleanup_json_ json_object *negative = json_tokener_parse("{\"fileDescriptor\":-1}");
        int fd = STDIN_FILENO;

        ck_assert_int_eq(bus_json_append(message, beyond, &fd, 1), -EBADF);
        teardown();
        setup();
        ck_assert_int_eq(bus_json_append(message, negative, &fd, 1), -EBADF);
}
END_TEST

static void append_nested(unsigned depth) {
        ck_assert_int_ge(sd_bus_message_open_container(message, 'a', "{sv}"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(message, 'e', "sv"), 0);
        ck_assert_int_ge(sd_bus_message_append(message, "s", "x"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(message, 'v', depth > 1 ? "a{sv}" : "u"), 0);
        if (depth > 1)
                append_nested(depth - 1);
        else
                ck_assert_int_ge(sd_bus_message_append(message, "u", 5), 0);
        ck_assert_int_ge(sd_bus_message_close_container(message), 0);
        ck_assert_int_ge(sd_bus_message_close_container(message), 0);
        ck_assert_int_ge(sd_bus_message_close_container(message), 0);
}

/* Each level is a dictionary and a variant. */
START_TEST(test_depth) {
        _cleanup_(bus_fds_done) BusFds fds = {};
        _cleanup_json_ json_object *o = NULL, *too_deep = NULL;

        append_nested(BUS_JSON_DEPTH_MAX / 2);
        ck_assert_int_eq(read_back(&fds, &o), 0);

        teardown();
        setup();
        append_nested(BUS_JSON_DEPTH_MAX / 2 + 1);
        ck_assert_int_eq(read_back(&fds, &too_deep), -E2BIG);
        ck_assert_ptr_null(too_deep);
}
END_TEST

START_TEST(test_twice) {
        _cleanup_(bus_fds_done) BusFds fds = {};
        json_object *o = NULL;

        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 2, "a", "u", 1, "a", "u", 2), 0);
        ck_assert_int_eq(read_back(&fds, &o), -EINVAL);
        ck_assert_ptr_null(o);
}
END_TEST

START_TEST(test_no_json) {
        _cleanup_(bus_fds_done) BusFds fds = {};
        json_object *o = NULL;

        switch (_i) {
        case 0:
                ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "d", 1.5), 0);
                break;
        case 1:
                ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "g", "as"), 0);
                break;
        case 2:
                ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "(u)", 1), 0);
                break;
        case 3:
                ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "a{su}", 1, "b", 1), 0);
                break;
        case 4:
                ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "a{us}", 1, 1, "b"), 0);
                break;
        case 5:
                ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "t", (uint64_t) INT64_MAX + 1), 0);
                break;
        default:
                ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "ad", 1, 1.5), 0);
                break;
        }

        ck_assert_int_eq(read_back(&fds, &o), -EINVAL);
        ck_assert_ptr_null(o);
}
END_TEST

/* An empty array of what has no JSON is an empty array. */
START_TEST(test_empty_array) {
        _cleanup_(bus_fds_done) BusFds fds = {};
        _cleanup_json_ json_object *o = NULL;

        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "ad", 0), 0);
        ck_assert_int_eq(read_back(&fds, &o), 0);
        check_json(o, "{\"a\":[]}");
}
END_TEST

START_TEST(test_wrong_signature) {
        _cleanup_(bus_fds_done) BusFds fds = {};
        json_object *o = NULL;

        ck_assert_int_ge(sd_bus_message_append(message, "s", "text"), 0);
        ck_assert_int_lt(read_back(&fds, &o), 0);
        ck_assert_ptr_null(o);
}
END_TEST

static void append_fds(size_t n) {
        ck_assert_int_ge(sd_bus_message_open_container(message, 'a', "{sv}"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(message, 'e', "sv"), 0);
        ck_assert_int_ge(sd_bus_message_append(message, "s", "fds"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(message, 'v', "ah"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(message, 'a', "h"), 0);
        for (size_t i = 0; i < n; i++)
                ck_assert_int_ge(sd_bus_message_append(message, "h", STDIN_FILENO), 0);
        for (int i = 0; i < 4; i++)
                ck_assert_int_ge(sd_bus_message_close_container(message), 0);
}

START_TEST(test_many_fds) {
        json_object *too_many = NULL, *o = NULL;
        BusFds fds = {};
        size_t n;

        n = test_count_fds();
        append_fds(BUS_FDS_MAX);
        ck_assert_int_eq(read_back(&fds, &o), 0);
        ck_assert_uint_eq(fds.n_fds, BUS_FDS_MAX);
        (void) json_object_put(o);
        bus_fds_done(&fds);

        teardown();
        setup();
        append_fds(BUS_FDS_MAX + 1);
        ck_assert_int_eq(read_back(&fds, &too_many), -E2BIG);
        ck_assert_ptr_null(too_many);
        bus_fds_done(&fds);
        bus_fds_done(&fds);
        teardown();
        setup();
        ck_assert_uint_eq(test_count_fds(), n);
}
END_TEST

START_TEST(test_size) {
        _cleanup_free_ char *text = NULL;
        json_object *o = NULL;
        BusFds fds = {};

        /* A key, its value and the text of both: 16 bytes each beside what they are long. */
        text = malloc(BUS_JSON_SIZE_MAX);
        ck_assert_ptr_nonnull(text);
        memset(text, 'x', BUS_JSON_SIZE_MAX);
        text[BUS_JSON_SIZE_MAX - 1] = '\0';

        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "s", text), 0);
        ck_assert_int_eq(read_back(&fds, &o), -E2BIG);
        ck_assert_ptr_null(o);

        teardown();
        setup();
        fds = (BusFds) {};
        text[BUS_JSON_SIZE_MAX - 100] = '\0';
        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "a", "s", text), 0);
        ck_assert_int_eq(read_back(&fds, &o), 0);
        (void) json_object_put(o);
}
END_TEST

/* In place of a descriptor: what would be in the file. */
START_TEST(test_contents) {
        static const uint8_t bytes[] = { 'a', 0, 255 };
        _cleanup_(bus_fds_done) BusFds fds = {};
        _cleanup_json_ json_object *o = NULL;
        uint8_t buffer[16];

        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 4,
                                               "fileDescriptor", "s", "text",
                                               "someFileDescriptor", "ay", 3, bytes[0], bytes[1], bytes[2],
                                               "FileDescriptor", "s", "",
                                               "descriptor", "s", "text"), 0);
        ck_assert_int_eq(read_back(&fds, &o), 0);
        check_json(o, "{\"fileDescriptor\":0,\"someFileDescriptor\":1,\"FileDescriptor\":2,\"descriptor\":\"text\"}");
        ck_assert_uint_eq(fds.n_fds, 3);
        ck_assert_int_eq(read(fds.fds[0], buffer, sizeof(buffer)), 4);
        ck_assert_mem_eq(buffer, "text", 4);
        ck_assert_int_eq(read(fds.fds[1], buffer, sizeof(buffer)), sizeof(bytes));
        ck_assert_mem_eq(buffer, bytes, sizeof(bytes));
        ck_assert_int_eq(read(fds.fds[2], buffer, sizeof(buffer)), 0);
        ck_assert_int_lt(write(fds.fds[0], "x", 1), 0);
}
END_TEST

START_TEST(test_large_contents) {
        _cleanup_free_ char *text = malloc(BUS_JSON_SIZE_MAX);
        json_object *o = NULL;
        BusFds fds = {};

        ck_assert_ptr_nonnull(text);
        memset(text, 'x', BUS_JSON_SIZE_MAX);
        text[BUS_JSON_SIZE_MAX - 1] = '\0';
        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "fileDescriptor", "s", text), 0);
        ck_assert_int_eq(read_back(&fds, &o), -E2BIG);
        ck_assert_ptr_null(o);
        ck_assert_uint_eq(fds.n_fds, 0);
}
END_TEST

START_TEST(test_many_small_values) {
        json_object *o = NULL;
        BusFds fds = {};

        ck_assert_int_ge(sd_bus_message_open_container(message, 'a', "s"), 0);
        for (size_t i = 0; i < BUS_JSON_SIZE_MAX / 16; i++)
                ck_assert_int_ge(sd_bus_message_append(message, "s", ""), 0);
        ck_assert_int_ge(sd_bus_message_close_container(message), 0);
        seal();
        ck_assert_int_eq(bus_json_read_array(message, "s", &fds, &o), -E2BIG);
        ck_assert_ptr_null(o);
}
END_TEST

START_TEST(test_strv) {
        _cleanup_json_ json_object *o = NULL;
        BusFds fds = {};

        ck_assert_int_ge(sd_bus_message_append(message, "as", 2, "a", ""), 0);
        seal();
        ck_assert_int_eq(bus_json_read_array(message, "s", &fds, &o), 0);
        check_json(o, "[\"a\",\"\"]");
}
END_TEST

int main(void) {
        Suite *s = suite_create("bus-json");
        TCase *t = tcase_create("bus-json");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, test_types);
        tcase_add_test(t, test_round_trip);
        tcase_add_test(t, test_null);
        tcase_add_test(t, test_fds_out);
        tcase_add_test(t, test_fd_that_is_not_there);
        tcase_add_test(t, test_depth);
        tcase_add_test(t, test_twice);
        tcase_add_loop_test(t, test_no_json, 0, 7);
        tcase_add_test(t, test_empty_array);
        tcase_add_test(t, test_wrong_signature);
        tcase_add_test(t, test_many_fds);
        tcase_add_test(t, test_size);
        tcase_add_test(t, test_contents);
        tcase_add_test(t, test_large_contents);
        tcase_add_test(t, test_many_small_values);
        tcase_add_test(t, test_strv);
        suite_add_tcase(s, t);

        return test_run_suite(s);
}
