/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the server's files share.
 *
 * server      interfaces, listening sockets, and the connections
 * connection  a peer: its codec, its turn in the loop, at most one call in flight
 * call        what a method holds; outlives the connection if the method keeps a reference
 *
 * Callbacks of a method's (the method itself, its disconnect handler) are run from the loop alone, never
 * from within a function that a method calls: a reply that cannot be written marks the connection broken,
 * and its next turn closes it. A closed connection is freed by the server's collector, not where it was
 * closed. */

#include <sys/queue.h>

#include "varlink-codec.h"
#include "varlink-idl.h"
#include "varlink.h"

typedef struct VarlinkConnection VarlinkConnection;

typedef struct VarlinkBinding {
        varlink_method_t callback;
        void *userdata;
        VarlinkMethodFlags flags;
} VarlinkBinding;

typedef struct VarlinkInterface {
        VarlinkIdl *idl;
        VarlinkBinding *bindings; /* one for each symbol of the IDL */
} VarlinkInterface;

typedef struct VarlinkListener {
        LIST_ENTRY(VarlinkListener) listeners;
        VarlinkServer *server;
        int fd;
        char *path; /* ours to remove, or NULL */
        sd_event_source *io_source;
        sd_event_source *retry_source;
} VarlinkListener;

LIST_HEAD(VarlinkListenerList, VarlinkListener);
LIST_HEAD(VarlinkConnectionList, VarlinkConnection);

struct VarlinkServer {
        sd_event *event;
        char *vendor, *product, *version, *url;

        VarlinkInterface *interfaces;
        size_t n_interfaces;

        struct VarlinkListenerList listeners;
        struct VarlinkConnectionList connections;
        size_t n_connections;
        uint64_t last_connection;

        struct VarlinkConnectionList closed; /* to be freed by the collector */
        sd_event_source *collect_source;

        usec_t partial_timeout_usec;
        json_tokener *tokener;

        void (*idle_handler)(VarlinkServer *s, void *userdata);
        void *idle_userdata;
        void (*closed_handler)(VarlinkServer *s, uint64_t connection, void *userdata);
        void *closed_userdata;
};

struct VarlinkConnection {
        LIST_ENTRY(VarlinkConnection) connections;
        VarlinkServer *server;

        int fd;
        VarlinkPeer peer;
        VarlinkCodec codec;

        VarlinkCall *call; /* in flight: a reference */
        bool dispatching;  /* its method is on the stack */

        sd_event_source *io_source;
        uint32_t events;
        sd_event_source *turn_source;
        sd_event_source *partial_source;

        bool paused;    /* there is input that waits for the call in flight to end, or for output to be read */
        bool eof;       /* no input will come any more */
        bool broken;    /* to be closed at its next turn */
        bool hung_up;   /* gone, but a oneway call is in flight */
        bool closed;
};

struct VarlinkCall {
        unsigned n_ref;
        VarlinkConnection *connection; /* NULL once it was answered or the peer is gone */
        bool answered;

        VarlinkPeer peer;
        json_object *message;
        json_object *parameters;
        const char *method; /* in message */
        const VarlinkInterface *interface;
        const VarlinkSymbol *symbol;
        bool more, oneway;

        int fds[VARLINK_FDS_MAX];
        size_t n_fds;

        varlink_disconnect_t disconnect_handler;
        varlink_drained_t drained;
        void *userdata;
};

extern const char varlink_interface_org_varlink_service[];
int varlink_server_add_service_interface(VarlinkServer *s);

/* The interface of this name; the name ends at n. */
const VarlinkInterface *varlink_server_find_interface(VarlinkServer *s, const char *name, size_t n);
void varlink_server_collect(VarlinkServer *s);

/* Takes the descriptor over on success. -EUSERS if the peer, or all together, have too many. */
int varlink_connection_new(VarlinkServer *s, int fd);
VarlinkConnection *varlink_connection_free(VarlinkConnection *c);

/* Closes it, calls the disconnect handler of a call in flight, leaves the object to the collector. */
void varlink_connection_close(VarlinkConnection *c);

/* Looks at the state and sets up what the loop shall wait for. To be called after each change of it. */
void varlink_connection_update(VarlinkConnection *c);

/* Takes a whole message apart and runs its method. Takes the descriptors over. A negative errno: the peer
 * does not speak the protocol. */
int varlink_connection_dispatch(
                VarlinkConnection *c,
                const char *message,
                size_t size,
                const int *fds,
                size_t n_fds);

/* The peer is gone: from now on nothing can be replied. */
void varlink_call_disconnect(VarlinkCall *call);
