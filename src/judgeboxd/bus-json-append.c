/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way out: what is appended is our own, in the few shapes that replies and signals have. */

#include "bus-json.h"
#include "string-util.h"

/* The signature of a value as it will be appended. */
static const char *value_signature(const char *name, json_object *value) {
        switch (json_object_get_type(value)) {
        case json_type_boolean:
                return "b";
        case json_type_int:
                if (bus_json_is_fd(name))
                        return "h";
                return json_object_get_int64(value) >= 0 ? "t" : "x";
        case json_type_string:
                return "s";
        case json_type_object:
                return "a{sv}";
        case json_type_array:
                if (json_object_array_length(value) == 0)
                        return "as";
                switch (json_object_get_type(json_object_array_get_idx(value, 0))) {
                case json_type_int:
                        return "ax";
                case json_type_object:
                        return "aa{sv}";
                default:
                        return "as";
                }
        default:
                return NULL;
        }
}

static int append_array(sd_bus_message *m, json_object *array, const int *fds, size_t n_fds, const char *signature) {
        int r;

        r = sd_bus_message_open_container(m, 'a', signature + 1);
        if (r < 0)
                return r;

        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *value = json_object_array_get_idx(array, i);

                switch (signature[1]) {
                case 'x': {
                        int64_t x = json_object_get_int64(value);

                        r = sd_bus_message_append_basic(m, 'x', &x);
                        break;
                }
                case 'a':
                        r = bus_json_append(m, value, fds, n_fds);
                        break;
                default:
                        r = sd_bus_message_append_basic(m, 's', json_object_get_string(value));
                        break;
                }
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(m);
}

static int append_value(sd_bus_message *m, json_object *value, const int *fds, size_t n_fds, const char *signature) {
        int64_t x;
        int b;

        switch (signature[0]) {
        case 'b':
                b = json_object_get_boolean(value);
                return sd_bus_message_append_basic(m, 'b', &b);
        case 'h':
                x = json_object_get_int64(value);
                if (x < 0 || (uint64_t) x >= n_fds)
                        return -EBADF;
                return sd_bus_message_append_basic(m, 'h', fds + x);
        case 't':
        case 'x':
                x = json_object_get_int64(value);
                return sd_bus_message_append_basic(m, signature[0], &x);
        case 's':
                return sd_bus_message_append_basic(m, 's', json_object_get_string(value));
        default:
                return streq(signature, "a{sv}") ? bus_json_append(m, value, fds, n_fds)
                                                 : append_array(m, value, fds, n_fds, signature);
        }
}

static int append_field(sd_bus_message *m, const char *name, json_object *value, const int *fds, size_t n_fds) {
        const char *signature;
        int r;

        signature = value_signature(name, value);
        if (!signature)
                return -EINVAL;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;

        r = sd_bus_message_append_basic(m, 's', name);
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(m, 'v', signature);
        if (r < 0)
                return r;

        r = append_value(m, value, fds, n_fds, signature);
        if (r < 0)
                return r;

        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(m);
}

int bus_json_append(sd_bus_message *m, json_object *o, const int *fds, size_t n_fds) {
        int r;

        assert(m);

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        json_object_object_foreach(o, name, value) {
                if (!value)
                        continue;

                r = append_field(m, name, value, fds, n_fds);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(m);
}

int bus_json_append_array(sd_bus_message *m, json_object *array, const int *fds, size_t n_fds) {
        int r;

        assert(m);
        assert(array);

        r = sd_bus_message_open_container(m, 'a', "a{sv}");
        if (r < 0)
                return r;

        for (size_t i = 0; i < json_object_array_length(array); i++) {
                r = bus_json_append(m, json_object_array_get_idx(array, i), fds, n_fds);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(m);
}
