/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients send: every type, depth and size that a message may have comes in here. */

#include "base64.h"
#include "bus-json.h"
#include "fd-util.h"
#include "json-build.h"
#include "string-util.h"

void bus_fds_done(BusFds *f) {
        assert(f);

        close_many(f->fds, f->n_fds);
        f->n_fds = 0;
}

int bus_fds_take(BusFds *f, int64_t index) {
        assert(f);

        if (index < 0 || (uint64_t) index >= f->n_fds)
                return -EBADF;

        return TAKE_FD(f->fds[index]);
}

static int read_value(sd_bus_message *m, BusFds *fds, unsigned depth, json_object **ret);

/* The bus takes messages of many megabytes, and small values are larger as objects than in a message. */
static int count_bytes(BusFds *fds, size_t size) {
        fds->n_bytes += 16 + size;
        return fds->n_bytes > BUS_JSON_SIZE_MAX ? -E2BIG : 0;
}

static int read_fd(sd_bus_message *m, BusFds *fds, json_object **ret) {
        int fd, r;

        r = sd_bus_message_read_basic(m, 'h', &fd);
        if (r < 0)
                return r;

        if (fds->n_fds >= BUS_FDS_MAX)
                return -E2BIG;

        /* The message closes its own. */
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;

        *ret = json_object_new_int64((int64_t) fds->n_fds);
        fds->fds[fds->n_fds++] = fd;
        return *ret ? 0 : -ENOMEM;
}

bool bus_json_is_fd(const char *name) {
        assert(name);

        return streq(name, "fileDescriptor") || endswith(name, "FileDescriptor");
}

/* A variant with what would be in the file. */
static int read_contents(sd_bus_message *m, BusFds *fds, const char *contents, json_object **ret) {
        const void *data;
        size_t size;
        int fd, r;

        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;

        if (streq(contents, "s")) {
                const char *s;

                r = sd_bus_message_read_basic(m, 's', &s);
                if (r < 0)
                        return r;
                data = s;
                size = strlen(s);
        } else {
                r = sd_bus_message_read_array(m, 'y', &data, &size);
                if (r < 0)
                        return r;
        }

        r = count_bytes(fds, size);
        if (r < 0)
                return r;
        if (fds->n_fds >= BUS_FDS_MAX)
                return -E2BIG;

        fd = memfd_new_sealed("judgebox-contents", data, size);
        if (fd < 0)
                return fd;

        *ret = json_object_new_int64((int64_t) fds->n_fds);
        fds->fds[fds->n_fds++] = fd;
        if (!*ret)
                return -ENOMEM;

        return sd_bus_message_exit_container(m);
}

/* A variant with the bytes that the field has encoded. */
static int read_bytes(sd_bus_message *m, BusFds *fds, json_object **ret) {
        _cleanup_free_ char *encoded = NULL;
        const void *data;
        size_t size;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r >= 0)
                r = count_bytes(fds, size);
        if (r < 0)
                return r;

        encoded = base64_encode(data, size);
        if (!encoded)
                return -ENOMEM;

        *ret = json_object_new_string(encoded);
        if (!*ret)
                return -ENOMEM;

        return sd_bus_message_exit_container(m);
}

/* The value of a field. */
static int read_field(sd_bus_message *m, BusFds *fds, unsigned depth, const char *name, json_object **ret) {
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;

        if (r > 0 && type == 'v' && bus_json_is_fd(name) && (streq(contents, "s") || streq(contents, "ay")))
                return read_contents(m, fds, contents, ret);
        if (r > 0 && type == 'v' && endswith(name, "Base64") && streq(contents, "ay"))
                return read_bytes(m, fds, ret);

        return read_value(m, fds, depth, ret);
}

static int read_integer(sd_bus_message *m, char type, json_object **ret) {
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
        } v;
        int64_t value;
        int r;

        r = sd_bus_message_read_basic(m, type, &v);
        if (r < 0)
                return r;

        switch (type) {
        case 'y':
                value = v.y;
                break;
        case 'n':
                value = v.n;
                break;
        case 'q':
                value = v.q;
                break;
        case 'i':
                value = v.i;
                break;
        case 'u':
                value = v.u;
                break;
        case 't':
                /* JSON's integers end here, and every range of ours long before. */
                if (v.t > INT64_MAX)
                        return -EINVAL;
                value = (int64_t) v.t;
                break;
        default:
                value = v.x;
                break;
        }

        *ret = json_object_new_int64(value);
        return *ret ? 0 : -ENOMEM;
}

static int read_string(sd_bus_message *m, BusFds *fds, char type, json_object **ret) {
        const char *s;
        int r;

        r = sd_bus_message_read_basic(m, type, &s);
        if (r < 0)
                return r;

        r = count_bytes(fds, strlen(s));
        if (r < 0)
                return r;

        *ret = json_object_new_string(s);
        return *ret ? 0 : -ENOMEM;
}

static int read_boolean(sd_bus_message *m, json_object **ret) {
        int b, r;

        r = sd_bus_message_read_basic(m, 'b', &b);
        if (r < 0)
                return r;

        *ret = json_object_new_boolean(b);
        return *ret ? 0 : -ENOMEM;
}

static int read_dictionary(sd_bus_message *m, BusFds *fds, unsigned depth, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r;

        if (!o)
                return -ENOMEM;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                json_object *value = NULL;
                const char *key;

                r = sd_bus_message_read_basic(m, 's', &key);
                if (r < 0)
                        return r;

                r = count_bytes(fds, strlen(key));
                if (r < 0)
                        return r;

                r = read_field(m, fds, depth, key, &value);
                if (r < 0) {
                        (void) json_object_put(value);
                        return r;
                }

                if (json_object_object_get_ex(o, key, NULL)) {
                        (void) json_object_put(value);
                        return -EINVAL;
                }

                r = 0;
                json_add(&r, o, key, value);
                if (r < 0)
                        return r;

                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

static int read_array(sd_bus_message *m, BusFds *fds, unsigned depth, const char *contents, json_object **ret) {
        _cleanup_json_ json_object *array = NULL;
        int r;

        array = json_object_new_array();
        if (!array)
                return -ENOMEM;

        r = sd_bus_message_enter_container(m, 'a', contents);
        if (r < 0)
                return r;

        while ((r = sd_bus_message_at_end(m, /* complete= */ false)) == 0) {
                json_object *value = NULL;

                r = read_value(m, fds, depth, &value);
                if (r < 0)
                        return r;

                r = 0;
                json_append(&r, array, value);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(array);
        return 0;
}

static int read_variant(sd_bus_message *m, BusFds *fds, unsigned depth, const char *contents, json_object **ret) {
        _cleanup_json_ json_object *value = NULL;
        int r;

        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;

        r = read_value(m, fds, depth, &value);
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(value);
        return 0;
}

static int read_value(sd_bus_message *m, BusFds *fds, unsigned depth, json_object **ret) {
        const char *contents;
        char type;
        int r;

        if (depth >= BUS_JSON_DEPTH_MAX)
                return -E2BIG;

        r = count_bytes(fds, 0);
        if (r < 0)
                return r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0)
                return -EINVAL;

        switch (type) {
        case 'v':
                return read_variant(m, fds, depth + 1, contents, ret);
        case 'a':
                return streq(contents, "{sv}") ? read_dictionary(m, fds, depth + 1, ret)
                                               : read_array(m, fds, depth + 1, contents, ret);
        case 'b':
                return read_boolean(m, ret);
        case 's':
        case 'o':
                return read_string(m, fds, type, ret);
        case 'h':
                return read_fd(m, fds, ret);
        case 'y':
        case 'n':
        case 'q':
        case 'i':
        case 'u':
        case 'x':
        case 't':
                return read_integer(m, type, ret);
        default:
                return -EINVAL;
        }
}

int bus_json_read(sd_bus_message *m, BusFds *fds, json_object **ret) {
        assert(m);
        assert(fds);
        assert(ret);

        return read_dictionary(m, fds, 0, ret);
}

int bus_json_read_array(sd_bus_message *m, const char *contents, BusFds *fds, json_object **ret) {
        assert(m);
        assert(contents);
        assert(fds);
        assert(ret);

        return read_array(m, fds, 0, contents, ret);
}
