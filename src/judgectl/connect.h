/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The way to the service: the public socket, or a private daemon over a socketpair. */

#include "context.h"
#include "request.h"
#include "stream.h"
#include "varlink.h"

typedef struct Connection Connection;

/* Connects, and has signals read from a descriptor from now on (interrupt.h). Logs. */
int connection_open(Context *c, Connection **ret);

/* Closes, which cancels what goes on, and waits for a private daemon's end. */
Connection *connection_close(Connection *n);
DEFINE_TRIVIAL_CLEANUP_FUNC(Connection *, connection_close);

/* Takes the request's parameters and closes its descriptors. Waits for the reply, relaying meanwhile. 0 where a
 * reply came, be it an error: ret->error says. -EINTR where a signal came first: the connection cannot be used any
 * more then. Anything else is logged. */
int connection_query(
                Connection *n,
                const char *method,
                Request *q,
                VarlinkCallFlags flags,
                Relay *const *relays,
                size_t n_relays,
                VarlinkReply *ret);

/* Only sends; fails as connection_query() does. The reply is the one of connection_next() that comes after those of
 * the calls before it, of which at most VARLINK_CLIENT_PENDING_MAX may be unanswered. */
int connection_begin(Connection *n, const char *method, Request *q, VarlinkCallFlags flags);

/* For a call with more, or one that was begun: the next reply. */
int connection_next(Connection *n, Relay *const *relays, size_t n_relays, VarlinkReply *ret);

/* Run: the request's descriptors stay open until the end. Over the public socket the service may be restarted meanwhile:
 * the run is then collected from the one that comes after it, or asked for again if it had not begun. */
int connection_run(Connection *n, Request *q, Relay *const *relays, size_t n_relays, VarlinkReply *ret);

/* After -EINTR from that one, over the public socket: ends the run, and waits for what it had used. -ENODATA if it had not
 * begun; -EINTR where one more signal came first. */
int connection_cancel_run(Connection *n, Relay *const *relays, size_t n_relays, VarlinkReply *ret);

/* The same as connection_query() for a single reply, but an error reply is logged too, and becomes -EREMOTEIO. Over the
 * public socket it is asked for again if the service is restarted meanwhile: for what may be done twice, and has no
 * descriptors. */
int connection_call(Connection *n, const char *method, Request *q, VarlinkReply *ret);

/* A call with more that has no end: hands over each reply until the callback returns other than 0, which is returned,
 * or a signal comes: -EINTR. If the service is restarted meanwhile it is made anew, and again is true with the first
 * reply to that. An error reply is logged, and becomes -EREMOTEIO. */
typedef int (*connection_reply_t)(json_object *parameters, bool again, void *userdata);
int connection_follow(
                Connection *n,
                const char *method,
                json_object *parameters,
                connection_reply_t callback,
                void *userdata);

/* Logs an error reply as a sentence. Returns -EREMOTEIO. */
int connection_log_error(const VarlinkReply *reply);

/* Whether a signal came: for what takes long between calls. */
bool connection_interrupted(Connection *n);
