/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <sys/un.h>

#include "fd-util.h"
#include "json-parse.h"
#include "log.h"
#include "string-util.h"
#include "varlink-codec.h"

struct VarlinkClient {
        int fd;
        VarlinkCodec codec;
        json_tokener *tokener;

        /* Calls that wait for their final reply, the oldest in bit 0; set: asked for more. */
        uint64_t pending_more;
        unsigned n_pending;
};

int varlink_client_new_from_fd(int client_fd, VarlinkClient **ret) {
        _cleanup_close_ int fd = client_fd;
        _cleanup_(varlink_client_freep) VarlinkClient *c = NULL;
        int r;

        assert(fd >= 0);
        assert(ret);

        r = fd_set_nonblock(fd, false);
        if (r < 0)
                return r;
        r = fd_set_cloexec(fd, true);
        if (r < 0)
                return r;

        c = new(VarlinkClient, 1);
        if (!c)
                return -ENOMEM;

        *c = (VarlinkClient) { .fd = TAKE_FD(fd), .tokener = json_tokener_new_ex(JSON_CHECK_DEPTH_MAX + 1) };
        varlink_codec_init(&c->codec, c->fd, VARLINK_REPLY_MAX, SIZE_MAX);
        if (!c->tokener)
                return -ENOMEM;

        *ret = TAKE_PTR(c);
        return 0;
}

int varlink_client_connect(const char *path, VarlinkClient **ret) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        assert(path);
        assert(ret);

        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        memcpy(sa.sun_path, path, strlen(path));

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;

        if (connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                return -errno;

        return varlink_client_new_from_fd(TAKE_FD(fd), ret);
}

VarlinkClient *varlink_client_free(VarlinkClient *c) {
        if (!c)
                return NULL;

        varlink_codec_done(&c->codec);
        if (c->tokener)
                json_tokener_free(c->tokener);
        (void) safe_close(c->fd);
        return mfree(c);
}

int varlink_client_get_fd(VarlinkClient *c) {
        assert(c);

        return c->fd;
}

short varlink_client_get_events(VarlinkClient *c) {
        assert(c);

        return (short) (varlink_codec_has_output(&c->codec) ? POLLIN | POLLOUT : POLLIN);
}

/* Writes what waits. With calls before it, the server may be waiting for us to read a reply before it
 * reads on, so only what the socket takes now; the rest goes along with the reading. */
static int client_flush(VarlinkClient *c) {
        int r;

        for (;;) {
                r = varlink_codec_flush(&c->codec);
                if (r < 0)
                        return r;
                if (!varlink_codec_has_output(&c->codec) || c->n_pending > 1)
                        return 0;

                r = fd_wait_for_event(c->fd, POLLOUT, USEC_INFINITY);
                if (r < 0)
                        return r;
        }
}

static int put_message(
                VarlinkClient *c,
                const char *method,
                json_object *parameters,
                const int *fds,
                size_t n_fds,
                VarlinkCallFlags flags) {

        static const char method_key[] = "{\"method\":\"", parameters_key[] = "\",\"parameters\":",
                          more_key[] = ",\"more\":true", oneway_key[] = ",\"oneway\":true";
        const char *text = "{}";
        size_t size = strlen("{}"), total;
        char *begin, *p;

        if (parameters) {
                /* One level less than a message: the object around it. */
                if (json_object_check_output(parameters, VARLINK_DEPTH_MAX - 1) < 0)
                        return -EPROTO;
                text = json_object_to_json_string_length(
                                parameters, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
                if (!text)
                        return -ENOMEM;
        }

        total = strlen(method_key) + strlen(method) + strlen(parameters_key) + size + strlen("}");
        if (flags & VARLINK_CALL_MORE)
                total += strlen(more_key);
        if (flags & VARLINK_CALL_ONEWAY)
                total += strlen(oneway_key);
        if (total > VARLINK_MESSAGE_MAX)
                return -EMSGSIZE;

        begin = p = varlink_codec_begin(&c->codec, total);
        if (!p)
                return -ENOMEM;

        p = stpcpy(p, method_key);
        p = stpcpy(p, method);
        p = stpcpy(p, parameters_key);
        p = mempcpy(p, text, size);
        if (flags & VARLINK_CALL_MORE)
                p = stpcpy(p, more_key);
        if (flags & VARLINK_CALL_ONEWAY)
                p = stpcpy(p, oneway_key);
        *p++ = '}';

        return varlink_codec_send(&c->codec, (size_t) (p - begin), fds, n_fds);
}

int varlink_client_send(
                VarlinkClient *c,
                const char *method,
                json_object *parameters,
                const int *fds,
                size_t n_fds,
                VarlinkCallFlags flags) {

        int r;

        assert(c);
        assert(method);
        assert(!FLAGS_SET(flags, VARLINK_CALL_MORE | VARLINK_CALL_ONEWAY));

        if (c->n_pending >= VARLINK_CLIENT_PENDING_MAX)
                r = -EBUSY;
        else
                r = put_message(c, method, parameters, fds, n_fds, flags);
        json_object_put(parameters);
        if (r < 0)
                return r;

        if (!(flags & VARLINK_CALL_ONEWAY)) {
                if (flags & VARLINK_CALL_MORE)
                        c->pending_more |= UINT64_C(1) << c->n_pending;
                c->n_pending++;
        }

        return client_flush(c);
}

void varlink_reply_done(VarlinkReply *r) {
        assert(r);

        json_object_put(r->parameters);
        free(r->error);
        close_many(r->fds, r->n_fds);
        *r = VARLINK_REPLY_NULL;
}

int varlink_reply_take_fd(VarlinkReply *r, int64_t index) {
        assert(r);

        if (index < 0 || (uint64_t) index >= r->n_fds || r->fds[index] < 0)
                return -EBADF;

        return TAKE_FD(r->fds[index]);
}

static int parse_reply(json_object *message, VarlinkReply *reply) {
        if (!json_object_is_type(message, json_type_object))
                return -EBADMSG;

        json_object_object_foreach(message, key, value) {
                if (streq(key, "parameters")) {
                        if (!json_object_is_type(value, json_type_object) && value)
                                return -EBADMSG;
                        reply->parameters = json_object_get(value);
                } else if (streq(key, "error")) {
                        if (!json_object_is_type(value, json_type_string))
                                return -EBADMSG;
                        reply->error = strdup(json_object_get_string(value));
                        if (!reply->error)
                                return -ENOMEM;
                } else if (streq(key, "continues")) {
                        if (!json_object_is_type(value, json_type_boolean))
                                return -EBADMSG;
                        reply->continues = json_object_get_boolean(value);
                } else if (!strchr(key, '.'))
                        return -EBADMSG;
        }

        if (!reply->parameters) {
                reply->parameters = json_object_new_object();
                if (!reply->parameters)
                        return -ENOMEM;
        }

        return 0;
}

/* Makes the message a reply, if it answers the oldest of our calls. */
static int client_take_reply(VarlinkClient *c, const char *message, size_t size, VarlinkReply *reply) {
        static const JsonBounds bounds = { .depth = JSON_CHECK_DEPTH_MAX, .n_values = SIZE_MAX };
        json_object *o = NULL;
        int r;

        r = json_parse_checked(message, size, &bounds, c->tokener, &o);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return log_debug_errno(-EBADMSG, "Reply is not JSON: %s", strerror(-r));

        r = parse_reply(o, reply);
        json_object_put(o);
        if (r < 0)
                return r;

        if (c->n_pending == 0 || (reply->continues && (reply->error || !(c->pending_more & 1))))
                return -EBADMSG;

        if (!reply->continues) {
                c->n_pending--;
                c->pending_more >>= 1;
        }

        return 0;
}

int varlink_client_receive(VarlinkClient *c, usec_t deadline, VarlinkReply *ret) {
        VarlinkReply reply = VARLINK_REPLY_NULL;
        const char *message;
        size_t size;
        bool block;
        int r;

        assert(c);
        assert(ret);

        for (;;) {
                r = varlink_codec_next(&c->codec, &message, &size, reply.fds, &reply.n_fds);
                if (r < 0)
                        return -EBADMSG;
                if (r > 0)
                        break;

                r = client_flush(c);
                if (r < 0)
                        return r;

                /* With nothing to write and no deadline the read itself is what waits. */
                block = deadline == USEC_INFINITY && !varlink_codec_has_output(&c->codec);
                r = varlink_codec_read(&c->codec, block ? 0 : MSG_DONTWAIT);
                if (r == 0)
                        return -ECONNRESET;
                if (r == -EMSGSIZE)
                        return -EBADMSG;
                if (r == -EAGAIN) {
                        r = fd_wait_for_event(c->fd, varlink_client_get_events(c), deadline);
                        if (r == 0)
                                return -ETIMEDOUT;
                }
                if (r < 0)
                        return r;
        }

        r = client_take_reply(c, message, size, &reply);
        if (r < 0) {
                varlink_reply_done(&reply);
                return r;
        }

        *ret = reply;
        return 0;
}

int varlink_client_call(
                VarlinkClient *c,
                const char *method,
                json_object *parameters,
                const int *fds,
                size_t n_fds,
                VarlinkReply *ret) {

        int r;

        r = varlink_client_send(c, method, parameters, fds, n_fds, 0);
        if (r < 0)
                return r;

        return varlink_client_receive(c, USEC_INFINITY, ret);
}
