/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"
#include "error.h"
#include "log.h"
#include "private.h"
#include "string-util.h"

struct Connection {
        Context *context;
        VarlinkClient *client;
        PrivateDaemon daemon;
};

#define RELAYS_MAX 3U

/* How often to look whether we are in the terminal's foreground again, which nothing tells. */
#define PAUSED_MSEC 200

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
        private_daemon_wait(&n->daemon);
        return mfree(n);
}

int connection_reopen(Connection *n) {
        assert(n);

        n->client = varlink_client_free(n->client);
        if (n->context->private)
                return -ECONNRESET;

        return connect_public(n->context->socket_path, &n->client);
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

int connection_next(Connection *n, Relay *const *relays, size_t n_relays, VarlinkReply *ret) {
        int r;

        assert(n);
        assert(n_relays <= RELAYS_MAX);
        assert(ret);

        if (!n->client)
                return -ECONNRESET;

        /* A reply may have been read along with the one before it: the socket has nothing to tell then. */
        while ((r = varlink_client_receive(n->client, /* deadline= */ 0, ret)) == -ETIMEDOUT) {
                struct pollfd p[2 + RELAYS_MAX] = {
                        { .fd = varlink_client_get_fd(n->client), .events = POLLIN },
                        { .fd = n->context->interrupt.fd, .events = POLLIN },
                };

                bool paused = false;

                for (size_t i = 0; i < n_relays; i++) {
                        p[2 + i] = relay_poll(relays[i]);
                        paused = paused || relay_is_paused(relays[i]);
                }

                if (poll(p, 2 + n_relays, paused ? PAUSED_MSEC : -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return log_error_errno(errno, "Failed to wait for judgeboxd: %m");
                }

                if (p[1].revents != 0 && interrupt_check(&n->context->interrupt))
                        return -EINTR;

                for (size_t i = 0; i < n_relays; i++)
                        relay_process(relays[i], p[2 + i].revents);
        }

        if (IN_SET(r, -ECONNRESET, -EPIPE))
                return log_disconnect(n, r);
        if (r < 0)
                return log_error_errno(r, "Failed to read the reply of judgeboxd: %m");

        return 0;
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

        assert(n);
        assert(q);

        if (!n->client)
                return -ECONNRESET;

        r = varlink_client_send(n->client, method, TAKE_PTR(q->parameters), q->fds, q->n_fds, flags);

        /* Ours must be closed before the reply: a pipe's other end would never see its end otherwise. */
        request_done(q);

        if (IN_SET(r, -ECONNRESET, -EPIPE))
                return log_disconnect(n, r);
        if (r == -EMSGSIZE)
                return log_error_errno(r, "The request is too large: a message holds at most %u bytes.",
                                       VARLINK_MESSAGE_MAX);
        if (r < 0)
                return log_error_errno(r, "Failed to send the request to judgeboxd: %m");

        return connection_next(n, relays, n_relays, ret);
}

int connection_call(Connection *n, const char *method, Request *q, VarlinkReply *ret) {
        VarlinkReply reply = VARLINK_REPLY_NULL;
        int r;

        r = connection_query(n, method, q, /* flags= */ 0, NULL, 0, &reply);
        if (r < 0)
                return r;

        if (reply.error) {
                r = connection_log_error(&reply);
                varlink_reply_done(&reply);
                return r;
        }

        *ret = reply;
        return 0;
}
