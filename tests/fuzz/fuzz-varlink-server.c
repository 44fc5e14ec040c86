/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: varlink/varlink-codec.c varlink/varlink-connection.c varlink/varlink-call.c varlink/varlink-service.c */
#include "fd-util.h"
#include "fuzz.h"
#include "json-parse.h"
#include "varlink-codec.h"

/* What one peer writes to a server before it hangs up. The first byte says in pieces of what size; each bit of the
 * second, whether a descriptor comes with one of the first eight. All that is answered must be JSON, and nothing may be
 * left of the connection. */

static const char interface[] =
        "interface org.example\n"
        "type Inner (size: ?int, name: ?string)\n"
        "method Echo(text: ?string, inner: ?Inner, list: ?[]string) -> (text: ?string, inner: ?Inner, list: ?[]string)\n"
        "method Stream(n: int) -> (i: int)\n"
        "method ReturnFd(fileDescriptor: int) -> (fileDescriptor: int)\n"
        "method Later() -> ()\n"
        "method Unbound() -> ()\n";

static unsigned n_waiting;

static json_object *int_object(const char *name, int64_t value) {
        json_object *o = json_object_new_object();

        (void) json_object_object_add(o, name, json_object_new_int64(value));
        return o;
}

static int64_t int_field(json_object *o, const char *name) {
        return json_object_get_int64(json_object_object_get(o, name));
}

static int on_echo(VarlinkCall *c, json_object *parameters, void *userdata) {
        return varlink_call_reply(c, json_object_get(parameters));
}

static int on_stream(VarlinkCall *c, json_object *parameters, void *userdata) {
        for (int64_t i = 0, n = MIN(int_field(parameters, "n"), INT64_C(5)); i < n; i++)
                (void) varlink_call_notify(c, int_object("i", i), NULL, 0);

        return varlink_call_reply(c, int_object("i", -1));
}

static int on_return_fd(VarlinkCall *c, json_object *parameters, void *userdata) {
        int64_t index = int_field(parameters, "fileDescriptor");
        _cleanup_close_ int fd = varlink_call_take_fd(c, index);

        fuzz_assert(varlink_call_take_fd(c, index) == -EBADF);
        return fd < 0 ? fd : varlink_call_reply_with_fds(c, int_object("fileDescriptor", 0), &fd, 1);
}

static void on_gone(VarlinkCall *c, void *userdata) {
        n_waiting--;
        fuzz_assert(varlink_call_reply(c, NULL) == -ECONNRESET);
        varlink_call_unref(c);
}

static int on_later(VarlinkCall *c, json_object *parameters, void *userdata) {
        /* The end of a oneway call's peer is nothing to its method. */
        if (!varlink_call_is_oneway(c)) {
                n_waiting++;
                varlink_call_set_disconnect_handler(varlink_call_ref(c), on_gone);
        }
        return 0;
}

static VarlinkServer *server_new(sd_event *event) {
        VarlinkServer *s;

        fuzz_assert(varlink_server_new(event, "vendor", "product", "1", "url", &s) == 0);
        fuzz_assert(varlink_server_add_interface(s, interface) == 0);
        fuzz_assert(varlink_server_bind_method(s, "org.example.Echo", on_echo, NULL) == 0);
        fuzz_assert(varlink_server_bind_method_full(s, "org.example.Stream", VARLINK_METHOD_REQUIRES_MORE, on_stream,
                                                    NULL) == 0);
        fuzz_assert(varlink_server_bind_method(s, "org.example.ReturnFd", on_return_fd, NULL) == 0);
        fuzz_assert(varlink_server_bind_method(s, "org.example.Later", on_later, NULL) == 0);
        return s;
}

/* Turns the loop until it has nothing to do, and reads what has been answered. */
static void spin(sd_event *event, int fd, VarlinkCodec *c) {
        int fds[VARLINK_FDS_MAX];
        size_t size, n_fds;
        const char *m;

        do {
                while (sd_event_run(event, 0) > 0)
                        ;
                while (varlink_codec_next(c, &m, &size, fds, &n_fds) > 0) {
                        fuzz_assert(json_check(m, size, &(JsonBounds) { VARLINK_DEPTH_MAX, 10000 }, NULL) == 0);
                        close_many(fds, n_fds);
                }
        } while (fd >= 0 && varlink_codec_read(c, MSG_DONTWAIT) > 0);
}

static void serve(VarlinkServer *server, sd_event *event, FuzzInput i) {
        size_t piece = (size_t) fuzz_take_byte(&i) * 8 + 1;
        unsigned fds = fuzz_take_byte(&i);
        VarlinkCodec c;
        int pair[2];

        fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
        fuzz_assert(varlink_server_add_connection_fd(server, pair[1]) == 0);
        varlink_codec_init(&c, pair[0], VARLINK_REPLY_MAX, 0);

        for (ssize_t n = 1; n > 0 && i.size > 0; i.data += n, i.size -= (size_t) n, fds >>= 1) {
                n = send_with_fds(pair[0], i.data, MIN(piece, i.size), (int[]) { STDERR_FILENO }, fds & 1, MSG_NOSIGNAL);
                spin(event, pair[0], &c);
                n = MAX(n, (ssize_t) 0);
        }

        varlink_codec_done(&c);
        (void) safe_close(pair[0]);
        spin(event, -EBADF, &c);
        fuzz_assert(varlink_server_get_n_connections(server) == 0 && n_waiting == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static VarlinkServer *server;
        static sd_event *event;
        unsigned before;

        if (!server) {
                fuzz_assert(sd_event_new(&event) >= 0);
                server = server_new(event);
                /* The first time, the loop makes what it keeps. */
                serve(server, event, (FuzzInput) { (const uint8_t *) "xxx", 3 });
        }

        before = fuzz_count_fds();
        serve(server, event, (FuzzInput) { data, size });
        fuzz_assert(fuzz_count_fds() == before);
        return 0;
}
