/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"
#include "error.h"
#include "log.h"
#include "private.h"
#include "string-util.h"

struct Connection {
        Context *context;
        VarlinkClient *client;
        usec_t recover_until; /* 0: it is not broken */
        json_object *started; /* which run was asked for, once it has begun */
        PrivateDaemon daemon;
};

#define RELAYS_MAX 3U

/* How often to look whether we are in the terminal's foreground again, which nothing tells. */
#define PAUSED_MSEC 200

/* How long a service may take to be started again and to answer, and how often to try. */
#define RECONNECT_USEC (30 * USEC_PER_SEC)
#define RECONNECT_MSEC 100

static int connect_public(const char *path, VarlinkClient **ret) {
        int r;

        r = varlink_client_connect(path, ret);
        if (r >= 0)
                return 0;

        if (IN_SET(r, -ENOENT, -ECONNREFUSED))
                return log_error_errno(r, "judgeboxd does not answer at %s: is it installed and started? "
                                       "On a host without the service, use --private.", path);
        if (IN_SET(r, -EACCES, -EPERM))
                return log_error_errno(r, "You may not connect to %s: are you in the group judgebox?", path);

        return log_error_errno(r, "Failed to connect to %s: %m", path);
}

int connection_open(Context *c, Connection **ret) {
        _cleanup_(connection_closep) Connection *n = NULL;
        int fd, r;

        assert(c);
        assert(ret);

        r = interrupt_block(&c->interrupt);
        if (r < 0)
                return log_error_errno(r, "Failed to handle signals: %m");

        n = new(Connection, 1);
        if (!n)
                return log_oom();
        *n = (Connection) { .context = c, .daemon = PRIVATE_DAEMON_NULL };

        if (!c->private) {
                r = connect_public(c->socket_path, &n->client);
                if (r < 0)
                        return r;

                *ret = TAKE_PTR(n);
                return 0;
        }

        r = private_daemon_start(c->degrade, &n->daemon, &fd);
        if (r < 0)
                return r;

        r = varlink_client_new_from_fd(fd, &n->client);
        if (r < 0)
                return log_error_errno(r, "Failed to speak to the private judgeboxd: %m");

        *ret = TAKE_PTR(n);
        return 0;
}

Connection *connection_close(Connection *n) {
        if (!n)
                return NULL;

        n->client = varlink_client_free(n->client);
        json_putp(&n->started);
        private_daemon_wait(&n->daemon);
        return mfree(n);
}

bool connection_interrupted(Connection *n) {
        return interrupt_check(&n->context->interrupt);
}

int connection_log_error(const VarlinkReply *reply) {
        _cleanup_free_ char *sentence = NULL;

        sentence = error_to_sentence(reply->error, reply->parameters);
        if (!sentence)
                return log_oom();

        log_error("%s", sentence);
        return -EREMOTEIO;
}

/* The daemon's own exit status tells more than an end of file does. */
static int log_disconnect(Connection *n, int error) {
        if (!n->context->private)
                return log_error_errno(error, "The connection to judgeboxd broke: %m");

        log_error("The private judgeboxd went away before it answered.");
        n->client = varlink_client_free(n->client);
        private_daemon_wait(&n->daemon);
        return error;
}

static bool is_disconnect(int r) {
        return IN_SET(r, -ECONNRESET, -EPIPE);
}

static int poll_once(Connection *n, int fd, Relay *const *relays, size_t n_relays, int timeout_msec) {
        struct pollfd p[2 + RELAYS_MAX] = {
                { .fd = fd, .events = POLLIN },
                { .fd = n->context->interrupt.fd, .events = POLLIN },
        };

        for (size_t i = 0; i < n_relays; i++) {
                p[2 + i] = relay_poll(relays[i]);
                if (relay_is_paused(relays[i]) && timeout_msec < 0)
                        timeout_msec = PAUSED_MSEC;
        }

        if (poll(p, 2 + n_relays, timeout_msec) < 0) {
                if (errno == EINTR)
                        return 0;
                return log_error_errno(errno, "Failed to wait for judgeboxd: %m");
        }

        if (p[1].revents != 0 && interrupt_check(&n->context->interrupt))
                return -EINTR;

        for (size_t i = 0; i < n_relays; i++)
                relay_process(relays[i], p[2 + i].revents);
        return 0;
}

/* The next reply. A broken connection is not logged, but all else is. */
static int wait_for_reply(Connection *n, Relay *const *relays, size_t n_relays, VarlinkReply *ret) {
        int r;

        /* A reply may have been read along with the one before it: the socket has nothing to tell then. */
        while ((r = varlink_client_receive(n->client, /* deadline= */ 0, ret)) == -ETIMEDOUT) {
                r = poll_once(n, varlink_client_get_fd(n->client), relays, n_relays, /* timeout_msec= */ -1);
                if (r < 0)
                        return r;
        }

        if (r < 0 && !is_disconnect(r))
                return log_error_errno(r, "Failed to read the reply of judgeboxd: %m");
        if (r >= 0)
                n->recover_until = 0;

        return r;
}

/* Likewise. */
static int send_request(
                Connection *n,
                const char *method,
                json_object *parameters,
                const int *fds,
                size_t n_fds,
                VarlinkCallFlags flags) {

        int r;

        r = varlink_client_send(n->client, method, parameters, fds, n_fds, flags);
        if (r == -EMSGSIZE)
                return log_error_errno(r, "The request is too large: a message holds at most %u bytes.",
                                       VARLINK_MESSAGE_MAX);
        if (r < 0 && !is_disconnect(r))
                return log_error_errno(r, "Failed to send the request to judgeboxd: %m");

        return r;
}

int connection_next(Connection *n, Relay *const *relays, size_t n_relays, VarlinkReply *ret) {
        int r;

        assert(n);
        assert(n_relays <= RELAYS_MAX);
        assert(ret);

        if (!n->client)
                return -ECONNRESET;

        r = wait_for_reply(n, relays, n_relays, ret);
        return is_disconnect(r) ? log_disconnect(n, r) : r;
}

/* Output may be there all the time: it is the clock that counts. */
static int wait_a_moment(Connection *n, Relay *const *relays, size_t n_relays) {
        usec_t now = now_usec(CLOCK_MONOTONIC), end = now + RECONNECT_MSEC * USEC_PER_MSEC;

        for (; now < end; now = now_usec(CLOCK_MONOTONIC)) {
                int r;

                r = poll_once(n, -EBADF, relays, n_relays, (int) ((end - now) / USEC_PER_MSEC) + 1);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* A fresh connection once the service is there again. The program's output is relayed meanwhile: it goes on. */
static int connection_recover(Connection *n, Relay *const *relays, size_t n_relays) {
        int r;

        n->client = varlink_client_free(n->client);

        /* The first time at once: the socket is mostly there all the time, and what connects waits in it. */
        if (n->recover_until == 0) {
                log_debug("The connection to judgeboxd broke, connecting again.");
                n->recover_until = usec_add(now_usec(CLOCK_MONOTONIC), RECONNECT_USEC);
        } else {
                r = wait_a_moment(n, relays, n_relays);
                if (r < 0)
                        return r;
        }

        for (;;) {
                r = varlink_client_connect(n->context->socket_path, &n->client);
                if (r >= 0 && now_usec(CLOCK_MONOTONIC) < n->recover_until)
                        return 0;
                if (!IN_SET(r, -ENOENT, -ECONNREFUSED, -EAGAIN) || now_usec(CLOCK_MONOTONIC) >= n->recover_until)
                        return log_error_errno(r < 0 ? r : ECONNRESET,
                                               "The connection to judgeboxd was lost and could not be made again: %m");

                r = wait_a_moment(n, relays, n_relays);
                if (r < 0)
                        return r;
        }
}

int connection_begin(Connection *n, const char *method, Request *q, VarlinkCallFlags flags) {
        int r;

        assert(n);
        assert(q);

        if (!n->client)
                return -ECONNRESET;

        r = send_request(n, method, TAKE_PTR(q->parameters), q->fds, q->n_fds, flags);

        /* Ours must be closed before the reply: a pipe's other end would never see its end otherwise. */
        request_done(q);
        return is_disconnect(r) ? log_disconnect(n, r) : r;
}

int connection_query(
                Connection *n,
                const char *method,
                Request *q,
                VarlinkCallFlags flags,
                Relay *const *relays,
                size_t n_relays,
                VarlinkReply *ret) {

        int r;

        r = connection_begin(n, method, q, flags);
        return r < 0 ? r : connection_next(n, relays, n_relays, ret);
}

/* What CollectRun is asked with: which run it is, and the same files. */
static int make_collect(json_object *started, json_object *run, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        static const char *const fields[] = { "outFiles", "outFilesBase64" };
        json_object *out_files;

        if (!o)
                return -ENOMEM;

        json_object_object_foreach(started, key, value)
                if (json_add(o, key, json_object_get(value)) < 0)
                        return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (json_object_object_get_ex(run, fields[i], &out_files) &&
                    json_add(o, fields[i], json_object_get(out_files)) < 0)
                        return -ENOMEM;

        *ret = TAKE_PTR(o);
        return 0;
}

static int ask_for_run(Connection *n, const Request *q) {
        json_object *collect;

        if (!n->started)
                return send_request(n, "org.judgebox.Manager.Run", json_object_get(q->parameters), q->fds, q->n_fds,
                                    VARLINK_CALL_MORE);

        if (make_collect(n->started, q->parameters, &collect) < 0)
                return log_oom();

        return send_request(n, "org.judgebox.Manager.CollectRun", collect, NULL, 0, /* flags= */ 0);
}

/* Notes which run it is, when that is told, and waits on. */
static int wait_for_run(Connection *n, Relay *const *relays, size_t n_relays, VarlinkReply *ret) {

        for (;;) {
                VarlinkReply reply = VARLINK_REPLY_NULL;
                json_object *o;
                int r;

                r = wait_for_reply(n, relays, n_relays, &reply);
                if (r < 0)
                        return r;

                if (!reply.continues) {
                        *ret = reply;
                        return 0;
                }

                o = json_get_object(reply.parameters, "started");
                json_putp(&n->started);
                n->started = json_object_get(o);
                varlink_reply_done(&reply);
        }
}

int connection_run(Connection *n, Request *q, Relay *const *relays, size_t n_relays, VarlinkReply *ret) {
        int r;

        assert(n);
        assert(q);
        assert(n_relays <= RELAYS_MAX);
        assert(ret);

        json_putp(&n->started);

        /* It ends with its connection. */
        if (n->context->private)
                return connection_query(n, "org.judgebox.Manager.Run", q, /* flags= */ 0, relays, n_relays, ret);

        for (;;) {
                if (!n->client)
                        return -ECONNRESET;

                r = ask_for_run(n, q);
                if (r >= 0)
                        r = wait_for_run(n, relays, n_relays, ret);
                if (is_disconnect(r)) {
                        r = connection_recover(n, relays, n_relays);
                        if (r < 0)
                                break;
                        continue;
                }
                if (r < 0)
                        break;

                /* Told of, but never executed. */
                if (n->started && ret->error && streq_ptr(error_short_name(ret->error), "NoSuchRun")) {
                        json_putp(&n->started);
                        varlink_reply_done(ret);
                        continue;
                }
                break;
        }

        request_done(q);
        return r;
}

/* Over a connection of its own: on the other one its answer would come after the run's. */
static int kill_run(Connection *n) {
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        int r;

        r = varlink_client_connect(n->context->socket_path, &client);
        if (r < 0)
                return r;

        return varlink_client_send(client, "org.judgebox.Manager.Kill", json_object_get(n->started), NULL, 0,
                                   VARLINK_CALL_ONEWAY);
}

int connection_cancel_run(Connection *n, Relay *const *relays, size_t n_relays, VarlinkReply *ret) {
        int r;

        assert(n);
        assert(ret);

        if (!n->client || !n->started)
                return -ENODATA;

        r = kill_run(n);
        return r < 0 ? r : wait_for_run(n, relays, n_relays, ret);
}

/* Asked again, it cannot be done any more, because it was done: only the answer was lost. */
static bool is_done_already(const char *method, const char *error) {
        static const char *const table[][2] = {
                { "org.judgebox.Manager.CreateBox", "BoxExists" },
                { "org.judgebox.Manager.DestroyBox", "NoSuchBox" },
                { "org.judgebox.Manager.RemoveFile", "NoSuchFile" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (streq(method, table[i][0]) && streq_ptr(error_short_name(error), table[i][1]))
                        return true;

        return false;
}

/* A box without a name could be made twice. */
static bool may_ask_again(const Connection *n, const char *method, const Request *q) {
        return !n->context->private && q->n_fds == 0 &&
                (!streq(method, "org.judgebox.Manager.CreateBox") || json_get_string(q->parameters, "box"));
}

int connection_call(Connection *n, const char *method, Request *q, VarlinkReply *ret) {
        VarlinkReply reply = VARLINK_REPLY_NULL;
        bool again = may_ask_again(n, method, q), asked_again = false;
        int r;

        if (!n->client)
                return -ECONNRESET;

        for (;;) {
                r = send_request(n, method, json_object_get(q->parameters), q->fds, q->n_fds, /* flags= */ 0);
                if (r >= 0)
                        r = wait_for_reply(n, NULL, 0, &reply);
                if (!is_disconnect(r) || !again)
                        break;

                r = connection_recover(n, NULL, 0);
                if (r < 0)
                        break;
                asked_again = true;
        }

        request_done(q);
        if (is_disconnect(r) && !again)
                return log_disconnect(n, r);
        if (r < 0)
                return r;

        if (reply.error && !(asked_again && is_done_already(method, reply.error))) {
                r = connection_log_error(&reply);
                varlink_reply_done(&reply);
                return r;
        }

        *ret = reply;
        return 0;
}

/* Until something is wrong with the connection, or the callback has enough. */
static int follow_once(Connection *n, bool *again, connection_reply_t callback, void *userdata, int *ret_result) {
        for (;;) {
                _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
                int r;

                r = wait_for_reply(n, NULL, 0, &reply);
                if (r < 0)
                        return r;

                *ret_result = reply.error ? connection_log_error(&reply) : callback(reply.parameters, *again, userdata);
                if (*ret_result != 0)
                        return 0;
                *again = false;
        }
}

int connection_follow(
                Connection *n,
                const char *method,
                json_object *parameters,
                connection_reply_t callback,
                void *userdata) {

        bool again = false;
        int r, result = 0;

        assert(n);
        assert(method);
        assert(callback);

        if (!n->client)
                return -ECONNRESET;

        for (;;) {
                r = send_request(n, method, json_object_get(parameters), NULL, 0, VARLINK_CALL_MORE);
                if (r >= 0)
                        r = follow_once(n, &again, callback, userdata, &result);
                if (!is_disconnect(r))
                        return r < 0 ? r : result;

                r = connection_recover(n, NULL, 0);
                if (r < 0)
                        return r;
                again = true;
        }
}
