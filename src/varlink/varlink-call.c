/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "json-parse.h"
#include "log.h"
#include "string-util.h"
#include "varlink-internal.h"

VarlinkCall *varlink_call_ref(VarlinkCall *c) {
        assert(c);
        assert(c->n_ref > 0);

        c->n_ref++;
        return c;
}

static void call_close_fds(VarlinkCall *c) {
        close_many(c->fds, c->n_fds);
        c->n_fds = 0;
}

VarlinkCall *varlink_call_unref(VarlinkCall *c) {
        if (!c)
                return NULL;

        assert(c->n_ref > 0);
        if (--c->n_ref == 0) {
                call_close_fds(c);
                json_object_put(c->parameters);
                json_object_put(c->message);
                free(c);
                return NULL;
        }

        /* The connection's reference is the last, so nobody is left who could answer. */
        if (c->n_ref == 1 && c->connection && !c->connection->dispatching)
                (void) varlink_call_error_errno(c, -EIO);

        return NULL;
}

/* What of the peer is the connection's is not the call's any longer. */
static void call_forget_peer(VarlinkCall *c) {
        c->peer.pidfd = -EBADF;
        c->peer.groups = NULL;
        c->peer.n_groups = 0;
}

void varlink_call_disconnect(VarlinkCall *c) {
        c->connection = NULL;
        call_forget_peer(c);

        if (c->disconnect_handler)
                c->disconnect_handler(c, c->userdata);
}

const VarlinkPeer *varlink_call_get_peer(VarlinkCall *c) {
        return &c->peer;
}

const char *varlink_call_get_method(VarlinkCall *c) {
        return c->method;
}

bool varlink_call_wants_more(VarlinkCall *c) {
        return c->more;
}

bool varlink_call_is_oneway(VarlinkCall *c) {
        return c->oneway;
}

void varlink_call_set_userdata(VarlinkCall *c, void *userdata) {
        c->userdata = userdata;
}

void varlink_call_set_disconnect_handler(VarlinkCall *c, varlink_disconnect_t handler) {
        c->disconnect_handler = handler;
}

int varlink_call_take_fd(VarlinkCall *c, int64_t index) {
        assert(c);

        if (index < 0 || (uint64_t) index >= c->n_fds || c->fds[index] < 0)
                return -EBADF;

        return TAKE_FD(c->fds[index]);
}

/* Holds what we are about to say against what the interface promises. */
static int check_reply(VarlinkCall *c, const char *error, json_object *parameters) {
        _cleanup_free_ char *field = NULL;
        const VarlinkSymbol *symbol = c->symbol;
        int r;

        /* One level less than a message: the object around it. */
        r = json_object_check_output(parameters, VARLINK_DEPTH_MAX - 1);
        if (r < 0) {
                log_debug_errno(r, "Reply of %s cannot be JSON: %m", c->method);
                return -EPROTO;
        }

        if (error) {
                const char *dot = strrchr(error, '.');
                const VarlinkInterface *i;

                if (!dot)
                        return -EPROTO;
                i = varlink_server_find_interface(c->connection->server, error, (size_t) (dot - error));
                if (!i)
                        return 0;

                symbol = varlink_idl_find_error(i->idl, dot + 1);
                if (!symbol) {
                        log_debug("%s: no such error: %s", c->method, error);
                        return -EPROTO;
                }
                r = varlink_idl_check_error(symbol, parameters, &field);
        } else
                r = varlink_idl_check_reply(symbol, parameters, &field);
        if (r < 0) {
                log_debug("Reply of %s does not fit the interface: %s %s",
                          c->method,
                          strempty(error),
                          strna(field));
                return -EPROTO;
        }

        return 0;
}

/* Puts the message together around the parameters, without a second tree of objects, and sends it. */
static int send_reply(
                VarlinkCall *c,
                const char *error,
                json_object *parameters,
                bool continues,
                const int *fds,
                size_t n_fds) {

        static const char error_key[] = "{\"error\":\"", parameters_key[] = "\"parameters\":",
                          continues_key[] = ",\"continues\":true";
        VarlinkCodec *codec = &c->connection->codec;
        const char *text;
        size_t size;
        char *p, *begin;

        text = json_object_to_json_string_length(
                        parameters, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
        if (!text)
                return -ENOMEM;

        begin = p = varlink_codec_begin(
                        codec,
                        size + (error ? strlen(error) : 0) + sizeof(error_key) + sizeof(parameters_key) +
                                        sizeof(continues_key) + strlen("\",}"));
        if (!p)
                return -ENOMEM;

        if (error) {
                p = stpcpy(p, error_key);
                p = stpcpy(p, error);
                p = stpcpy(p, "\",");
        } else
                *p++ = '{';
        p = stpcpy(p, parameters_key);
        p = mempcpy(p, text, size);
        if (continues)
                p = stpcpy(p, continues_key);
        *p++ = '}';

        return varlink_codec_send(codec, (size_t) (p - begin), fds, n_fds);
}

/* The call is over. What is on the connection waits for its turn. */
static void call_finish(VarlinkCall *c) {
        VarlinkConnection *connection = TAKE_PTR(c->connection);

        c->answered = true;
        call_forget_peer(c);
        call_close_fds(c);

        assert(connection->call == c);
        connection->call = NULL;
        varlink_connection_update(connection);

        varlink_call_unref(c);
}

/* Sends a reply of any kind. Without parameters an empty object. */
static int call_try_reply(
                VarlinkCall *c,
                const char *error,
                json_object *parameters,
                bool continues,
                const int *fds,
                size_t n_fds) {

        json_object *p = parameters;
        int r;

        if (c->oneway)
                return 0;

        if (!p) {
                p = json_object_new_object();
                if (!p)
                        return -ENOMEM;
        }

        r = check_reply(c, error, p);
        if (r >= 0)
                r = send_reply(c, error, p, continues, fds, n_fds);

        if (!parameters)
                json_object_put(p);
        return r;
}

static json_object *make_system_error(int error) {
        json_object *o, *v;

        o = json_object_new_object();
        if (!o)
                return NULL;

        v = json_object_new_string("linux");
        if (!v || json_object_object_add(o, "origin", v) < 0)
                goto fail;
        v = json_object_new_int(error);
        if (!v || json_object_object_add(o, "errno", v) < 0)
                goto fail;
        v = json_object_new_string(strerrorname_np(error) ?: "EIO");
        if (!v || json_object_object_add(o, "errnoName", v) < 0)
                goto fail;

        return o;

fail:
        json_object_put(v);
        json_object_put(o);
        return NULL;
}

static int call_reply_final(
                VarlinkCall *c,
                const char *error,
                json_object *parameters,
                const int *fds,
                size_t n_fds) {

        int r;

        assert(c);

        if (!c->connection) {
                json_object_put(parameters);
                return c->answered ? -EALREADY : -ECONNRESET;
        }

        r = call_try_reply(c, error, parameters, /* continues= */ false, fds, n_fds);
        json_object_put(parameters);

        if (IN_SET(r, -EPROTO, -ENOBUFS, -E2BIG)) {
                json_object *o = make_system_error(r == -ENOBUFS ? EMSGSIZE : -r);

                /* Nothing was sent, and the caller waits for something. */
                if (call_try_reply(c, VARLINK_ERROR_SYSTEM, o, /* continues= */ false, NULL, 0) < 0)
                        c->connection->broken = true;
                json_object_put(o);
        } else if (r < 0)
                c->connection->broken = true;

        call_finish(c);
        return r;
}

int varlink_call_reply(VarlinkCall *c, json_object *parameters) {
        return call_reply_final(c, NULL, parameters, NULL, 0);
}

int varlink_call_reply_with_fds(VarlinkCall *c, json_object *parameters, const int *fds, size_t n_fds) {
        return call_reply_final(c, NULL, parameters, fds, n_fds);
}

int varlink_call_notify(VarlinkCall *c, json_object *parameters, const int *fds, size_t n_fds) {
        int r;

        assert(c);

        if (!c->connection)
                r = c->answered ? -EALREADY : -ECONNRESET;
        else if (!c->more)
                r = -EINVAL;
        else {
                r = call_try_reply(c, NULL, parameters, /* continues= */ true, fds, n_fds);
                if (r < 0 && !IN_SET(r, -EPROTO, -E2BIG)) {
                        c->connection->broken = true;
                        varlink_connection_update(c->connection);
                } else if (varlink_codec_has_output(&c->connection->codec))
                        varlink_connection_update(c->connection);
        }

        json_object_put(parameters);
        return r;
}

void varlink_call_on_drained(VarlinkCall *c, varlink_drained_t callback) {
        assert(c);
        assert(callback);

        c->drained = callback;
        if (c->connection)
                varlink_connection_update(c->connection);
}

int varlink_call_error(VarlinkCall *c, const char *error, json_object *parameters) {
        assert(error);

        return call_reply_final(c, error, parameters, NULL, 0);
}

/* An error with one string, of the first n bytes of a text. */
static int call_error_string_n(
                VarlinkCall *c,
                const char *error,
                const char *key,
                const char *value,
                size_t n) {

        json_object *o, *v;

        o = json_object_new_object();
        v = json_object_new_string_len(value, (int) n);
        if (o && v && json_object_object_add(o, key, v) >= 0)
                return varlink_call_error(c, error, o);

        json_object_put(o);
        json_object_put(v);
        return -ENOMEM;
}

static int call_error_string(VarlinkCall *c, const char *error, const char *key, const char *value) {
        return call_error_string_n(c, error, key, value, strlen(value));
}

int varlink_call_error_invalid_parameter(VarlinkCall *c, const char *parameter) {
        return call_error_string(c, VARLINK_ERROR_INVALID_PARAMETER, "parameter", parameter);
}

int varlink_call_error_errno(VarlinkCall *c, int error) {
        return varlink_call_error(c, VARLINK_ERROR_SYSTEM, make_system_error(abs(error)));
}

/* Takes the object around a call apart. Fields with a dot are a vendor's own and none of our business. */
static int parse_call(VarlinkCall *c, bool *ret_upgrade) {
        bool upgrade = false;

        if (!json_object_is_type(c->message, json_type_object))
                return -EBADMSG;

        json_object_object_foreach(c->message, key, value) {
                bool *flag = NULL;

                if (streq(key, "method")) {
                        if (!json_object_is_type(value, json_type_string))
                                return -EBADMSG;
                        c->method = json_object_get_string(value);
                } else if (streq(key, "parameters")) {
                        if (!json_object_is_type(value, json_type_object) && value)
                                return -EBADMSG;
                        c->parameters = json_object_get(value);
                } else if (streq(key, "more"))
                        flag = &c->more;
                else if (streq(key, "oneway"))
                        flag = &c->oneway;
                else if (streq(key, "upgrade"))
                        flag = &upgrade;
                else if (!strchr(key, '.'))
                        return -EBADMSG;

                if (flag) {
                        if (!json_object_is_type(value, json_type_boolean))
                                return -EBADMSG;
                        *flag = json_object_get_boolean(value);
                }
        }

        if (!c->method || (c->more && c->oneway))
                return -EBADMSG;

        if (!c->parameters) {
                c->parameters = json_object_new_object();
                if (!c->parameters)
                        return -ENOMEM;
        }

        *ret_upgrade = upgrade;
        return 0;
}

/* Finds the method, holds the parameters against it, and runs it. */
static int call_run(VarlinkCall *c, VarlinkServer *s, bool upgrade) {
        _cleanup_free_ char *field = NULL;
        const VarlinkBinding *b;
        const char *dot;
        size_t n;
        int r;

        dot = strrchr(c->method, '.');
        if (!dot)
                return call_error_string(c, VARLINK_ERROR_METHOD_NOT_FOUND, "method", c->method);

        n = (size_t) (dot - c->method);
        c->interface = varlink_server_find_interface(s, c->method, n);
        if (!c->interface)
                return call_error_string_n(c, VARLINK_ERROR_INTERFACE_NOT_FOUND, "interface", c->method, n);

        c->symbol = varlink_idl_find_method(c->interface->idl, dot + 1);
        if (!c->symbol)
                return call_error_string(c, VARLINK_ERROR_METHOD_NOT_FOUND, "method", c->method);

        /* No method of ours leaves the protocol. */
        b = c->interface->bindings + varlink_symbol_get_index(c->interface->idl, c->symbol);
        if (!b->callback || upgrade)
                return call_error_string(c, VARLINK_ERROR_METHOD_NOT_IMPLEMENTED, "method", c->method);

        r = varlink_idl_check_parameters(c->symbol, c->parameters, &field);
        if (r < 0)
                return field ? varlink_call_error_invalid_parameter(c, field) : -ENOMEM;

        if ((b->flags & VARLINK_METHOD_REQUIRES_MORE) && !c->more)
                return varlink_call_error(c, VARLINK_ERROR_EXPECTED_MORE, NULL);

        return b->callback(c, c->parameters, b->userdata);
}

static VarlinkCall *call_new(VarlinkConnection *connection) {
        VarlinkCall *c;

        c = new(VarlinkCall, 1);
        if (c)
                *c = (VarlinkCall) { .n_ref = 1, .peer = connection->peer };

        return c;
}

int varlink_connection_dispatch(
                VarlinkConnection *connection,
                const char *message,
                size_t size,
                const int *fds,
                size_t n_fds) {

        static const JsonBounds bounds = { .depth = VARLINK_DEPTH_MAX, .n_values = JSON_CHECK_VALUES_MAX };
        _cleanup_(varlink_call_unrefp) VarlinkCall *c = NULL;
        bool upgrade;
        int r;

        assert(!connection->call);

        c = call_new(connection);
        if (!c) {
                close_many(fds, n_fds);
                return -ENOMEM;
        }

        memcpy(c->fds, fds, n_fds * sizeof(int));
        c->n_fds = n_fds;

        r = json_parse_checked(message, size, &bounds, connection->server->tokener, &c->message);
        if (r < 0)
                return r;

        r = parse_call(c, &upgrade);
        if (r < 0)
                return r;

        c->connection = connection;
        connection->call = varlink_call_ref(c);

        connection->dispatching = true;
        r = call_run(c, connection->server, upgrade);
        if (!c->answered && (r < 0 || c->n_ref == 2))
                r = varlink_call_error_errno(c, r < 0 ? r : -EIO);
        connection->dispatching = false;

        return 0;
}
