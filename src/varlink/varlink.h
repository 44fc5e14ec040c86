/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Varlink (https://varlink.org) over sd-event and json-c: a server with peer identity, per-uid limits and
 * descriptor passing, and a blocking client. Knows nothing of boxes.
 *
 * Incoming calls are checked twice before a method sees them: byte by byte against RFC 8259 (json-check.h),
 * because json-c accepts much that is not JSON, and then field by field against the interface's own IDL, so
 * that an unknown, missing or mistyped parameter is answered with InvalidParameter{parameter} and no method
 * has to ask for a type again. */

#include <json-c/json.h>
#include <systemd/sd-event.h>

#include "macro.h"
#include "time-util.h"

#define VARLINK_MESSAGE_MAX (1024U * 1024U)
#define VARLINK_DEPTH_MAX 32U
#define VARLINK_FDS_MAX 16U
#define VARLINK_CONNECTIONS_PER_UID_MAX 64U
#define VARLINK_CONNECTIONS_MAX 1024U /* root's come on top */

/* What may wait in a connection for a peer that does not read; also the largest reply. */
#define VARLINK_OUTPUT_MAX (4U * 1024U * 1024U)

/* The largest reply that our client takes, ours or another server's. */
#define VARLINK_REPLY_MAX (16U * 1024U * 1024U)

/* How long a message may be under way from its first byte to its last. */
#define VARLINK_PARTIAL_TIMEOUT_USEC (10 * USEC_PER_SEC)

#define VARLINK_ERROR_INTERFACE_NOT_FOUND "org.varlink.service.InterfaceNotFound"
#define VARLINK_ERROR_METHOD_NOT_FOUND "org.varlink.service.MethodNotFound"
#define VARLINK_ERROR_METHOD_NOT_IMPLEMENTED "org.varlink.service.MethodNotImplemented"
#define VARLINK_ERROR_INVALID_PARAMETER "org.varlink.service.InvalidParameter"
#define VARLINK_ERROR_PERMISSION_DENIED "org.varlink.service.PermissionDenied"
#define VARLINK_ERROR_EXPECTED_MORE "org.varlink.service.ExpectedMore"
#define VARLINK_ERROR_SYSTEM "io.systemd.System"

typedef struct VarlinkServer VarlinkServer;

/* One call in flight; a connection has at most one. It is the server's; a method that answers later takes
 * a reference and drops it after the final reply. When the peer goes away meanwhile, the disconnect
 * handler runs once, replies become no-ops that return -ECONNRESET, and the reference stays valid until
 * dropped. A oneway call is answered like any other, which sends nothing; its peer may go away without
 * cancelling it. A call whose last reference is dropped unanswered is answered with an error, so that no
 * caller waits for ever. */
typedef struct VarlinkCall VarlinkCall;

/* Returns 0 (answered now, or to be answered later by whoever took a reference), or a negative errno:
 * then, if nothing was answered, the caller gets io.systemd.System{errno} and the connection stays.
 * `parameters` is valid during the callback and as long as the call is referenced; it fits the
 * interface's IDL, with integers that came as strings made integers, and without nullable fields that are
 * null. */
typedef int (*varlink_method_t)(VarlinkCall *call, json_object *parameters, void *userdata);
typedef void (*varlink_disconnect_t)(VarlinkCall *call, void *userdata);
typedef void (*varlink_drained_t)(VarlinkCall *c, void *userdata);

/* Who is at the other end, as the kernel says: at accept for a listening socket. */
typedef struct VarlinkPeer {
        uid_t uid;
        gid_t gid;
        pid_t pid;
        int pidfd; /* -EBADF where the kernel has no SO_PEERPIDFD (before Linux 6.5); not the reader's */
        gid_t *groups; /* supplementary; not the reader's */
        size_t n_groups;
        uint64_t connection; /* from 1 on; no other of the server's ever has the same */
} VarlinkPeer;

int varlink_server_new(
                sd_event *event,
                const char *vendor,
                const char *product,
                const char *version,
                const char *url,
                VarlinkServer **ret);
/* Closes all connections; disconnect handlers run. Not to be called by a method or handler. */
VarlinkServer *varlink_server_free(VarlinkServer *s);
DEFINE_TRIVIAL_CLEANUP_FUNC(VarlinkServer *, varlink_server_free);

/* Parses the IDL text (-EINVAL with a debug line that says where if it is not valid) and serves it. */
int varlink_server_add_interface(VarlinkServer *s, const char *idl);

typedef enum VarlinkMethodFlags {
        VARLINK_METHOD_REQUIRES_MORE = 1 << 0, /* called without more, it is answered with ExpectedMore */
} VarlinkMethodFlags;

/* Binds a fully qualified method of an interface added before; -ENOENT if the IDL has no such method. */
int varlink_server_bind_method_full(
                VarlinkServer *s,
                const char *method,
                VarlinkMethodFlags flags,
                varlink_method_t callback,
                void *userdata);
static inline int
varlink_server_bind_method(VarlinkServer *s, const char *method, varlink_method_t callback, void *userdata) {
        return varlink_server_bind_method_full(s, method, 0, callback, userdata);
}

/* Listens on a bound, listening stream socket; takes the descriptor over, even on failure. */
int varlink_server_listen_fd(VarlinkServer *s, int fd);

/* Binds and listens on a path of our own, replacing a stale socket (-EADDRINUSE if somebody listens there);
 * mode as given. Removed with the server. */
int varlink_server_listen_path(VarlinkServer *s, const char *path, mode_t mode);

/* Serves one connected socket (a socketpair's end); takes the descriptor over, even on failure. */
int varlink_server_add_connection_fd(VarlinkServer *s, int fd);

/* Called from the loop whenever the number of connections has fallen to zero. */
void varlink_server_set_idle_handler(
                VarlinkServer *s,
                void (*callback)(VarlinkServer *s, void *userdata),
                void *userdata);
size_t varlink_server_get_n_connections(VarlinkServer *s);

/* Called whenever a connection has closed, after the disconnect handler of a call that it may have had. */
void varlink_server_set_closed_handler(
                VarlinkServer *s,
                void (*callback)(VarlinkServer *s, uint64_t connection, void *userdata),
                void *userdata);

/* In place of VARLINK_PARTIAL_TIMEOUT_USEC, for connections made from now on. */
void varlink_server_set_partial_timeout(VarlinkServer *s, usec_t usec);

VarlinkCall *varlink_call_ref(VarlinkCall *c);
VarlinkCall *varlink_call_unref(VarlinkCall *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(VarlinkCall *, varlink_call_unref);

const VarlinkPeer *varlink_call_get_peer(VarlinkCall *c);
const char *varlink_call_get_method(VarlinkCall *c);
bool varlink_call_wants_more(VarlinkCall *c);
bool varlink_call_is_oneway(VarlinkCall *c);
void varlink_call_set_userdata(VarlinkCall *c, void *userdata);

/* Runs when the peer disconnects before the final reply. userdata is the call's own (set_userdata). */
void varlink_call_set_disconnect_handler(VarlinkCall *c, varlink_disconnect_t handler);

/* The descriptor that the message carried at this index: the caller's from now on. -EBADF if there is none
 * at this index or it was taken before. What is not taken by the time of the final reply is closed then. */
int varlink_call_take_fd(VarlinkCall *c, int64_t index);

/* Final reply. Takes parameters over (NULL for {}) even on failure. Descriptors are duplicated where they
 * cannot be sent at once: the caller keeps its own. Returns 0; -ECONNRESET if the peer is gone; -EALREADY
 * after a final reply; -EPROTO if the reply does not fit the interface's IDL or cannot be JSON (invalid
 * UTF-8, NaN), -ENOBUFS if it is too large, -E2BIG for more than VARLINK_FDS_MAX descriptors: the caller gets
 * io.systemd.System then, since it waits for something. */
int varlink_call_reply(VarlinkCall *c, json_object *parameters);
int varlink_call_reply_with_fds(VarlinkCall *c, json_object *parameters, const int *fds, size_t n_fds);

/* A reply that others follow ("continues":true); only for a call with more, else -EINVAL. -ENOBUFS if the
 * peer does not read what it asked for: it is disconnected, from the loop. */
int varlink_call_notify(VarlinkCall *c, json_object *parameters, const int *fds, size_t n_fds);

/* Calls back once, from the loop, when all that was said so far is with the kernel: who has much to say says the next
 * part then, and holds no more of it than the peer takes. Not called if the peer disconnects, or after the final
 * reply. */
void varlink_call_on_drained(VarlinkCall *c, varlink_drained_t callback);

/* Final error. Takes parameters over (NULL for {}). */
int varlink_call_error(VarlinkCall *c, const char *error, json_object *parameters);
int varlink_call_error_invalid_parameter(VarlinkCall *c, const char *parameter);
int varlink_call_error_errno(VarlinkCall *c, int error);

/* The blocking client. */
typedef struct VarlinkClient VarlinkClient;

int varlink_client_connect(const char *path, VarlinkClient **ret);
/* Takes the descriptor over. */
int varlink_client_new_from_fd(int fd, VarlinkClient **ret);
VarlinkClient *varlink_client_free(VarlinkClient *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(VarlinkClient *, varlink_client_free);

/* For a caller with a loop of its own: wait for these poll() events of the descriptor, then call
 * varlink_client_receive() with a deadline of 0 until it returns -ETIMEDOUT: several replies may arrive at a
 * time. The events are POLLIN alone unless several calls are pending and not all could be written. */
int varlink_client_get_fd(VarlinkClient *c);
short varlink_client_get_events(VarlinkClient *c);

typedef enum VarlinkCallFlags {
        VARLINK_CALL_MORE = 1 << 0,
        VARLINK_CALL_ONEWAY = 1 << 1,
} VarlinkCallFlags;

/* How many calls may wait for their final reply. */
#define VARLINK_CLIENT_PENDING_MAX 64U

/* Sends a call. Waits where the socket is full, unless calls are pending before it. Takes parameters over
 * (NULL for {}) even on failure; the descriptors stay the caller's. -EPROTO for parameters that cannot be
 * JSON, -EMSGSIZE if they are too large, -E2BIG for more than VARLINK_FDS_MAX descriptors, -EBUSY with too
 * many calls pending. */
int varlink_client_send(
                VarlinkClient *c,
                const char *method,
                json_object *parameters,
                const int *fds,
                size_t n_fds,
                VarlinkCallFlags flags);

typedef struct VarlinkReply {
        json_object *parameters; /* never NULL */
        char *error;             /* NULL on success */
        bool continues;
        int fds[VARLINK_FDS_MAX];
        size_t n_fds;
} VarlinkReply;

#define VARLINK_REPLY_NULL (VarlinkReply) {}

/* Drops everything, closes descriptors that were not taken. */
void varlink_reply_done(VarlinkReply *r);
/* -EBADF if there is none; the descriptor is the caller's from now on. */
int varlink_reply_take_fd(VarlinkReply *r, int64_t index);

/* Reads the next reply, waiting until the deadline (CLOCK_MONOTONIC, USEC_INFINITY for none). 0 on
 * success (an error reply is a success with ret->error set), -ETIMEDOUT, -ECONNRESET at the end of the
 * stream, -EBADMSG for what is no varlink or answers no call of ours. */
int varlink_client_receive(VarlinkClient *c, usec_t deadline, VarlinkReply *ret);

/* send + receive, with no deadline; for a connection with no other call pending. */
int varlink_client_call(
                VarlinkClient *c,
                const char *method,
                json_object *parameters,
                const int *fds,
                size_t n_fds,
                VarlinkReply *ret);
