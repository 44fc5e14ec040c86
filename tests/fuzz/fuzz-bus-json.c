/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: judgeboxd/bus-json.c judgeboxd/bus-json-append.c */
#include "bus-json.h"
#include "fd-util.h"
#include "fuzz.h"
#include "json-build.h"
#include "json-parse.h"
#include "utf8.h"

/* The arguments of a D-Bus call: the input is a program of what to append to a message (libsystemd checks the bytes
 * that come from the bus). What was read of it as JSON is written as D-Bus again, and read as the same. */

static sd_bus_message *message_new(sd_bus *bus) {
        sd_bus_message *m = NULL;

        fuzz_assert(sd_bus_message_new_method_call(bus, &m, "a.b", "/", "c.d", "E") >= 0);
        return m;
}

static void append_dict(sd_bus_message *m, FuzzInput *i, unsigned depth);

static void append_basic(sd_bus_message *m, FuzzInput *i, char type) {
        _cleanup_free_ char *s = NULL;
        uint64_t v = 0;
        int fd;

        switch (type) {
        case 's':
                s = fuzz_take_string(i, NULL);
                (void) sd_bus_message_append_basic(m, type, utf8_is_valid_n(s, strlen(s)) ? s : "");
                break;
        case 'h':
                fd = STDERR_FILENO;
                (void) sd_bus_message_append_basic(m, type, &fd);
                break;
        case 'b':
                fd = fuzz_take_byte(i) & 1;
                (void) sd_bus_message_append_basic(m, type, &fd);
                break;
        default:
                for (size_t k = 0; k < sizeof(v); k++)
                        v = v << 8 | fuzz_take_byte(i);
                (void) sd_bus_message_append_basic(m, type, &v);
        }
}

static void append_array(sd_bus_message *m, FuzzInput *i, unsigned depth) {
        static const char *const types[] = { "s", "y", "t", "v", "a{sv}", "h", "d" };
        const char *type = types[fuzz_take_byte(i) % ELEMENTSOF(types)];

        (void) sd_bus_message_open_container(m, 'a', type);
        for (unsigned n = fuzz_take_byte(i) % 32; n > 0; n--)
                if (type[0] == 'a')
                        append_dict(m, i, depth + 1);
                else if (type[0] == 'v') {
                        (void) sd_bus_message_open_container(m, 'v', "s");
                        append_basic(m, i, 's');
                        (void) sd_bus_message_close_container(m);
                } else
                        append_basic(m, i, type[0]);
        (void) sd_bus_message_close_container(m);
}

/* An array's type is not known beforehand: it goes into a message of its own, from which it is copied. */
static void append_variant(sd_bus_message *m, FuzzInput *i, unsigned depth) {
        static const char types[] = "synqiuxtbhd{a";
        char type[2] = { types[fuzz_take_byte(i) % strlen(types)] };

        if (depth > 20)
                type[0] = 'y';

        if (type[0] == 'a') {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *array = message_new(sd_bus_message_get_bus(m));

                append_array(array, i, depth);
                if (sd_bus_message_seal(array, 1, 0) < 0)
                        return;
                (void) sd_bus_message_open_container(m, 'v', sd_bus_message_get_signature(array, true));
                (void) sd_bus_message_copy(m, array, true);
        } else {
                (void) sd_bus_message_open_container(m, 'v', type[0] == '{' ? "a{sv}" : type);
                if (type[0] == '{')
                        append_dict(m, i, depth + 1);
                else
                        append_basic(m, i, type[0]);
        }
        (void) sd_bus_message_close_container(m);
}

static void append_dict(sd_bus_message *m, FuzzInput *i, unsigned depth) {
        (void) sd_bus_message_open_container(m, 'a', "{sv}");
        for (unsigned n = fuzz_take_byte(i) % 16; n > 0; n--) {
                (void) sd_bus_message_open_container(m, 'e', "sv");
                append_basic(m, i, 's');
                append_variant(m, i, depth);
                (void) sd_bus_message_close_container(m);
        }
        (void) sd_bus_message_close_container(m);
}

static int read_back(sd_bus_message *m, BusFds *fds, json_object **ret) {
        if (sd_bus_message_seal(m, 1, 0) < 0 || sd_bus_message_rewind(m, true) < 0)
                return -EINVAL;
        return bus_json_read(m, fds, ret);
}

static void run(sd_bus *bus, FuzzInput *i) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = message_new(bus), *n = message_new(bus);
        _cleanup_(bus_fds_done) BusFds fds = {}, fds_again = {};
        _cleanup_json_ json_object *o = NULL, *again = NULL;

        append_dict(m, i, 0);
        if (read_back(m, &fds, &o) < 0)
                return;

        fuzz_assert(json_object_check_output(o, BUS_JSON_DEPTH_MAX + 1) == 0);
        if (bus_json_append(n, o, fds.fds, fds.n_fds) >= 0 && read_back(n, &fds_again, &again) >= 0)
                fuzz_assert(fds.n_fds > 0 || json_object_equal(o, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        FuzzInput i = { data, size };
        static sd_bus *bus;
        unsigned fds;

        if (!bus) {
                int pair[2];

                fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
                fuzz_assert(sd_bus_new(&bus) >= 0);
                fuzz_assert(sd_bus_set_fd(bus, pair[0], pair[0]) >= 0 && sd_bus_start(bus) >= 0);
        }

        fds = fuzz_count_fds();
        run(bus, &i);
        fuzz_assert(fuzz_count_fds() == fds);
        return 0;
}
