/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server with an interface for tests, and a peer that speaks to it byte by byte: both in one process, which
 * turns the loop by hand, so that every interleaving is the test's own. */

#include <check.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "fd-util.h"
#include "string-util.h"
#include "test-util.h"
#include "varlink.h"

static const char fixture_idl[] =
        "# For tests\n"
        "interface org.example.test\n"
        "type Inner (size: ?int, name: ?string)\n"
        "# Gives back what it got\n"
        "method Echo(text: ?string, number: ?int, inner: ?Inner, list: ?[]string) -> (text: ?string, number: ?int)\n"
        "# Answered by the test\n"
        "method Later(text: ?string) -> (text: ?string)\n"
        "# Sends i from 0 to n - 1\n"
        "method Stream(n: int) -> (i: int)\n"
        "# Returns -code\n"
        "method Fail(code: int) -> ()\n"
        "# Takes the descriptor, and says what number an eventfd has\n"
        "method TakeFd(fileDescriptor: int) -> (number: int)\n"
        "# Sends an eventfd of this number\n"
        "method GiveFd(number: int) -> (fileDescriptor: int)\n"
        "# Answers nothing\n"
        "method Nothing() -> ()\n"
        "# Is not there\n"
        "method Unbound() -> ()\n"
        "# Says what may not be said\n"
        "method Bad(kind: string) -> (text: ?string, ratio: ?float)\n"
        "error Oops(code: int)\n";

#define FIXTURE "org.example.test."

typedef struct Fixture {
        sd_event *event;
        VarlinkServer *server;
        size_t n_fds;

        /* Calls of Later, the oldest first. */
        VarlinkCall *later[64];
        size_t n_later;

        unsigned n_calls, n_disconnects, n_idle;
        VarlinkPeer peer; /* of the last call */
        int last_result;  /* of the last notification or bad reply */
} Fixture;

static Fixture fixture;

static inline int method_echo(VarlinkCall *call, json_object *parameters, void *userdata) {
        static const char *const fields[] = { "text", "number" };
        json_object *o = json_object_new_object();

        fixture.n_calls++;
        fixture.peer = *varlink_call_get_peer(call);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                json_object *v;

                if (json_object_object_get_ex(parameters, fields[i], &v))
                        json_object_object_add(o, fields[i], json_object_get(v));
        }
        return varlink_call_reply(call, o);
}

static inline void on_disconnect(VarlinkCall *call, void *userdata) {
        ck_assert_ptr_eq(userdata, &fixture);
        ck_assert_int_eq(varlink_call_reply(call, NULL), -ECONNRESET);
        fixture.n_disconnects++;
}

static inline int method_later(VarlinkCall *call, json_object *parameters, void *userdata) {
        ck_assert_uint_lt(fixture.n_later, ELEMENTSOF(fixture.later));

        fixture.n_calls++;
        varlink_call_set_userdata(call, &fixture);
        varlink_call_set_disconnect_handler(call, on_disconnect);
        fixture.later[fixture.n_later++] = varlink_call_ref(call);
        return 0;
}

static inline json_object *int_object(const char *key, int64_t value) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, key, json_object_new_int64(value));
        return o;
}

static inline json_object *string_object(const char *key, const char *value, size_t size) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, key, json_object_new_string_len(value, (int) size));
        return o;
}

static inline int64_t int_field(json_object *o, const char *key) {
        return json_object_get_int64(json_object_object_get(o, key));
}

static inline int method_stream(VarlinkCall *call, json_object *parameters, void *userdata) {
        int64_t n = int_field(parameters, "n");

        fixture.n_calls++;
        ck_assert(varlink_call_wants_more(call));
        for (int64_t i = 0; i < n - 1; i++) {
                fixture.last_result = varlink_call_notify(call, int_object("i", i), NULL, 0);
                if (fixture.last_result < 0)
                        break;
        }
        return varlink_call_reply(call, int_object("i", n - 1));
}

static inline int method_fail(VarlinkCall *call, json_object *parameters, void *userdata) {
        fixture.n_calls++;
        return -(int) int_field(parameters, "code");
}

static inline int method_take_fd(VarlinkCall *call, json_object *parameters, void *userdata) {
        int64_t index = int_field(parameters, "fileDescriptor");
        _cleanup_close_ int fd = -EBADF;
        uint64_t number;

        fixture.n_calls++;
        fd = varlink_call_take_fd(call, index);
        if (fd < 0)
                return varlink_call_error_invalid_parameter(call, "fileDescriptor");

        /* Once only. */
        ck_assert_int_eq(varlink_call_take_fd(call, index), -EBADF);
        ck_assert_int_eq(read(fd, &number, sizeof(number)), sizeof(number));
        return varlink_call_reply(call, int_object("number", (int64_t) number));
}

static inline int method_give_fd(VarlinkCall *call, json_object *parameters, void *userdata) {
        _cleanup_close_ int fd = -EBADF;

        fixture.n_calls++;
        fd = eventfd((unsigned) int_field(parameters, "number"), EFD_CLOEXEC | EFD_NONBLOCK);
        return varlink_call_reply_with_fds(call, int_object("fileDescriptor", 0), &fd, 1);
}

static inline int method_nothing(VarlinkCall *call, json_object *parameters, void *userdata) {
        fixture.n_calls++;
        return 0;
}

static inline int method_bad(VarlinkCall *call, json_object *parameters, void *userdata) {
        const char *kind = json_object_get_string(json_object_object_get(parameters, "kind"));
        json_object *o = NULL;

        fixture.n_calls++;
        if (streq(kind, "utf8"))
                o = string_object("text", "\xff", 1);
        else if (streq(kind, "nul"))
                o = string_object("text", "a\0b", 3);
        else if (streq(kind, "nan")) {
                o = json_object_new_object();
                json_object_object_add(o, "ratio", json_object_new_double(__builtin_nan("")));
        } else if (streq(kind, "unknown"))
                o = int_object("nope", 1);
        else if (streq(kind, "type"))
                o = int_object("text", 1);
        else if (streq(kind, "error"))
                return fixture.last_result = varlink_call_error(call, FIXTURE "Nope", NULL);
        else if (streq(kind, "error-field"))
                return fixture.last_result = varlink_call_error(call, FIXTURE "Oops", NULL);
        else if (streq(kind, "large")) {
                _cleanup_free_ char *s = malloc(VARLINK_OUTPUT_MAX);

                memset(s, 'x', VARLINK_OUTPUT_MAX);
                o = string_object("text", s, VARLINK_OUTPUT_MAX);
        } else if (streq(kind, "fds")) {
                int fds[VARLINK_FDS_MAX + 1] = {};

                return fixture.last_result = varlink_call_reply_with_fds(call, NULL, fds, ELEMENTSOF(fds));
        } else if (streq(kind, "notify"))
                ck_assert_int_eq(varlink_call_notify(call, NULL, NULL, 0), -EINVAL);
        else if (streq(kind, "twice")) {
                ck_assert_int_eq(varlink_call_reply(call, NULL), 0);
                ck_assert_int_eq(varlink_call_notify(call, NULL, NULL, 0), -EALREADY);
        }
        fixture.last_result = varlink_call_reply(call, o);
        return 0;
}

static inline void on_idle(VarlinkServer *s, void *userdata) {
        fixture.n_idle++;
}

static inline void fixture_bind(VarlinkServer *s) {
        static const struct {
                const char *name;
                VarlinkMethodFlags flags;
                varlink_method_t callback;
        } methods[] = {
                { FIXTURE "Echo", 0, method_echo },
                { FIXTURE "Later", 0, method_later },
                { FIXTURE "Stream", VARLINK_METHOD_REQUIRES_MORE, method_stream },
                { FIXTURE "Fail", 0, method_fail },
                { FIXTURE "TakeFd", 0, method_take_fd },
                { FIXTURE "GiveFd", 0, method_give_fd },
                { FIXTURE "Nothing", 0, method_nothing },
                { FIXTURE "Bad", 0, method_bad },
        };

        ck_assert_int_eq(varlink_server_add_interface(s, fixture_idl), 0);
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                ck_assert_int_eq(
                                varlink_server_bind_method_full(
                                                s, methods[i].name, methods[i].flags, methods[i].callback, &fixture),
                                0);
        varlink_server_set_idle_handler(s, on_idle, NULL);
}

static inline void fixture_setup(void) {
        fixture = (Fixture) { .n_fds = test_count_fds() };
        ck_assert_int_ge(sd_event_new(&fixture.event), 0);
        ck_assert_int_eq(
                        varlink_server_new(fixture.event, "vendor", "product", "1", "url", &fixture.server),
                        0);
        fixture_bind(fixture.server);
}

/* Whatever a test did, nothing may be left open. */
static inline void fixture_teardown(void) {
        for (size_t i = 0; i < fixture.n_later; i++)
                varlink_call_unref(fixture.later[i]);
        varlink_server_free(fixture.server);
        sd_event_unref(fixture.event);
        ck_assert_uint_eq(test_count_fds(), fixture.n_fds);
}

/* Turns the loop until there is nothing to do. Returns how many turns that took. */
static inline unsigned spin(void) {
        unsigned n = 0;
        int r;

        while ((r = sd_event_run(fixture.event, 0)) > 0)
                n++;
        ck_assert_int_eq(r, 0);
        return n;
}

/* The same for a while: for what happens by time. */
static inline void spin_for(usec_t usec) {
        usec_t end = now_usec(CLOCK_MONOTONIC) + usec, now;

        while ((now = now_usec(CLOCK_MONOTONIC)) < end)
                ck_assert_int_ge(sd_event_run(fixture.event, end - now), 0);
}

/* A connection of its own; returns the peer's end. */
static inline int connect_peer(void) {
        int p[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
        ck_assert_int_eq(varlink_server_add_connection_fd(fixture.server, p[0]), 0);
        return p[1];
}

/* Sends a text and its NUL. */
static inline void say(int fd, const char *text) {
        ck_assert_int_eq(send(fd, text, strlen(text) + 1, MSG_NOSIGNAL), (ssize_t) strlen(text) + 1);
}

/* Spins and reads one message: NULL at the end of the stream, "" if there is none. The result stays until the
 * next call. */
static inline const char *hear(int fd) {
        static char buf[8192];

        (void) spin();
        for (size_t n = 0; n < sizeof(buf); n++) {
                ssize_t k = recv(fd, buf + n, 1, MSG_DONTWAIT);

                if (k == 0 || (k < 0 && errno == ECONNRESET))
                        return NULL;
                if (k < 0)
                        return n == 0 ? "" : "(a part)";
                if (buf[n] == '\0')
                        return buf;
        }

        return "(too long)";
}

/* One call and its answer. */
#define assert_answer(fd, call, answer)                 \
        do {                                            \
                say(fd, call);                          \
                ck_assert_str_eq(hear(fd), answer);     \
        } while (false)

/* The peer is gone: the server has hung up. */
#define assert_gone(fd) ck_assert_ptr_null(hear(fd))

/* The peer's words make the server hang up, with no answer. */
#define assert_refused(words, size)                                                             \
        do {                                                                                    \
                int _fd = connect_peer();                                                       \
                ck_assert_int_eq(send(_fd, (words), (size), 0), (ssize_t) (size));              \
                ck_assert_msg(!hear(_fd), "%s", (words));                                       \
                close(_fd);                                                                     \
        } while (false)

#define PING "{\"method\":\"" FIXTURE "Echo\"}"
#define PONG "{\"parameters\":{}}"
