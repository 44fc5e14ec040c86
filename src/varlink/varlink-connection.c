/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A peer of the server and its turns in the loop.
 *
 * Fairness: one message of a connection is dealt with at a time, then the loop goes on to the others.
 * sd-event takes sources of one priority in the order in which they became pending; for a socket that is
 * when epoll said so. A defer source, however, is pending from the day it was made and would go first for
 * ever if it were only switched on again, so each further turn of a connection that has more messages in its
 * buffer gets a new one, behind all that was pending before.
 *
 * Gone or only done writing? While a call is in flight we do not read, and a peer that has only shut down
 * its writing side (`printf ... | nc -N`) waits for its reply, so end-of-file and EPOLLRDHUP say nothing.
 * EPOLLHUP, which epoll always reports, means for a UNIX socket that both directions are shut: the peer
 * has closed it or was killed. That alone cancels a call; sd-varlink decides likewise. When no call is in
 * flight, what was sent before is still read and carried out. */

#include "fd-util.h"
#include "log.h"
#include "varlink-internal.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Those the peer had when it connected: no database is asked. Returns how many, or a negative errno. */
static int read_peer_groups(int fd, gid_t **ret) {
        _cleanup_free_ gid_t *groups = NULL;
        socklen_t size = 64 * sizeof(gid_t);

        for (;;) {
                gid_t *grown;

                grown = realloc(groups, size);
                if (!grown)
                        return -ENOMEM;
                groups = grown;

                if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) >= 0)
                        break;
                if (errno != ERANGE) /* else size is what it takes */
                        return -errno;
        }

        *ret = TAKE_PTR(groups);
        return (int) (size / sizeof(gid_t));
}

static int read_peer(int fd, VarlinkPeer *ret) {
        struct ucred ucred;
        socklen_t size = sizeof(ucred);
        int pidfd, n_groups;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0)
                return -errno;

        *ret = (VarlinkPeer) {
                .uid = ucred.uid,
                .gid = ucred.gid,
                .pid = ucred.pid,
                .pidfd = -EBADF,
        };

        /* Linux 6.5; fails for a peer that is gone already, too, which leaves its uid as true as it was. */
        size = sizeof(pidfd);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) >= 0)
                ret->pidfd = pidfd;

        n_groups = read_peer_groups(fd, &ret->groups);
        if (n_groups > 0)
                ret->n_groups = (size_t) n_groups;

        return 0;
}

static bool has_room_for(VarlinkServer *s, uid_t uid) {
        VarlinkConnection *c;
        size_t n = 0;

        /* A user can have many uids (subuid(5)) and take all there is: the admin, who is to end that, still gets in. */
        if (s->n_connections >= VARLINK_CONNECTIONS_MAX && uid != 0)
                return false;

        LIST_FOREACH(c, &s->connections, connections)
                n += c->peer.uid == uid;

        return n < VARLINK_CONNECTIONS_PER_UID_MAX;
}

VarlinkConnection *varlink_connection_free(VarlinkConnection *c) {
        if (!c)
                return NULL;

        if (c->server)
                LIST_REMOVE(c, connections);
        (void) sd_event_source_disable_unref(c->io_source);
        (void) sd_event_source_disable_unref(c->turn_source);
        (void) sd_event_source_disable_unref(c->partial_source);
        varlink_codec_done(&c->codec);
        (void) safe_close(c->peer.pidfd);
        free(c->peer.groups);
        (void) safe_close_connection(c->fd);
        return mfree(c);
}
DEFINE_TRIVIAL_CLEANUP_FUNC(VarlinkConnection *, varlink_connection_free);

static int on_collect(sd_event_source *source, void *userdata) {
        VarlinkServer *s = ASSERT_PTR(userdata);

        varlink_server_collect(s);
        if (s->n_connections == 0 && s->idle_handler)
                s->idle_handler(s, s->idle_userdata);

        return 0;
}

/* Without memory for the source the object stays in the list until the next one is closed. */
static void server_schedule_collect(VarlinkServer *s) {
        int r;

        if (s->collect_source)
                r = sd_event_source_set_enabled(s->collect_source, SD_EVENT_ONESHOT);
        else {
                r = sd_event_add_defer(s->event, &s->collect_source, on_collect, s);
                if (r >= 0)
                        (void) sd_event_source_set_description(s->collect_source, "varlink-collect");
        }
        if (r < 0)
                log_debug_errno(r, "Cannot schedule the freeing of a connection: %m");
}

void varlink_connection_close(VarlinkConnection *c) {
        VarlinkServer *s = c->server;
        VarlinkCall *call;

        if (c->closed)
                return;

        c->closed = true;
        c->io_source = sd_event_source_disable_unref(c->io_source);
        c->turn_source = sd_event_source_disable_unref(c->turn_source);
        c->partial_source = sd_event_source_disable_unref(c->partial_source);
        varlink_codec_done(&c->codec);
        c->peer.pidfd = safe_close(c->peer.pidfd);
        c->fd = safe_close_connection(c->fd);

        LIST_REMOVE(c, connections);
        LIST_INSERT_HEAD(&s->closed, c, connections);
        s->n_connections--;
        server_schedule_collect(s);

        call = TAKE_PTR(c->call);
        if (call) {
                varlink_call_disconnect(call);
                varlink_call_unref(call);
        }

        if (s->closed_handler)
                s->closed_handler(s, c->peer.connection, s->closed_userdata);
}

/* Somebody waits for that. */
static bool call_is_drained(VarlinkConnection *c) {
        return c->call && c->call->drained && !varlink_codec_has_output(&c->codec);
}

/* One message, if there is one. The connection may be closed afterwards. */
static void connection_take_turn(VarlinkConnection *c) {
        int fds[VARLINK_FDS_MAX];
        const char *message;
        size_t size, n_fds;
        int r;

        if (c->broken) {
                varlink_connection_close(c);
                return;
        }

        r = varlink_codec_flush(&c->codec);
        if (r < 0)
                goto fail;

        if (c->call || varlink_codec_has_output(&c->codec)) {
                if (call_is_drained(c))
                        TAKE_PTR(c->call->drained)(c->call, c->call->userdata);
                varlink_connection_update(c);
                return;
        }

        if (!c->eof && !varlink_codec_has_message(&c->codec)) {
                r = varlink_codec_read(&c->codec, MSG_DONTWAIT);
                if (r == 0)
                        c->eof = true;
                else if (r < 0 && r != -EAGAIN)
                        goto fail;
        }

        r = varlink_codec_next(&c->codec, &message, &size, fds, &n_fds);
        if (r > 0) {
                /* That one has ended: what is there of the next has its own time. */
                c->partial_source = sd_event_source_disable_unref(c->partial_source);
                r = varlink_connection_dispatch(c, message, size, fds, n_fds);
        } else if (r == 0 && c->eof) {
                varlink_connection_close(c);
                return;
        }
        if (r < 0)
                goto fail;

        varlink_connection_update(c);
        return;

fail:
        log_debug_errno(r, "Closing connection of uid %u: %m", c->peer.uid);
        varlink_connection_close(c);
}

static int on_turn(sd_event_source *source, void *userdata) {
        VarlinkConnection *c = ASSERT_PTR(userdata);

        c->turn_source = sd_event_source_disable_unref(c->turn_source);
        connection_take_turn(c);
        return 0;
}

static int on_partial_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        VarlinkConnection *c = ASSERT_PTR(userdata);

        log_debug("Closing connection of uid %u: a message was begun and not ended.", c->peer.uid);
        varlink_connection_close(c);
        return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        VarlinkConnection *c = ASSERT_PTR(userdata);

        if (revents & (EPOLLHUP | EPOLLERR)) {
                if (c->call && c->call->oneway) {
                        /* Nobody waits, so nobody has changed his mind. EPOLLHUP cannot be masked. */
                        c->hung_up = true;
                        varlink_connection_update(c);
                        return 0;
                }
                if (c->call || varlink_codec_has_output(&c->codec)) {
                        varlink_connection_close(c);
                        return 0;
                }
        }

        /* What comes after has its turn coming, or must wait for that before it to end or to be read. */
        if ((revents & EPOLLIN) && (c->call || c->turn_source || varlink_codec_has_output(&c->codec)))
                c->paused = true;

        if (c->turn_source)
                varlink_connection_update(c);
        else
                connection_take_turn(c);
        return 0;
}

static int connection_add_turn(VarlinkConnection *c) {
        int r;

        if (c->turn_source)
                return 0;

        r = sd_event_add_defer(c->server->event, &c->turn_source, on_turn, c);
        if (r < 0)
                return r;

        (void) sd_event_source_set_description(c->turn_source, "varlink-turn");
        return 0;
}

static int connection_set_events(VarlinkConnection *c, uint32_t events) {
        int r;

        if (events == c->events)
                return 0;

        r = sd_event_source_set_io_events(c->io_source, events);
        if (r < 0)
                return r;

        c->events = events;
        return 0;
}

static int connection_set_partial(VarlinkConnection *c, bool partial) {
        int r;

        if (partial == !!c->partial_source)
                return 0;

        if (!partial) {
                c->partial_source = sd_event_source_disable_unref(c->partial_source);
                return 0;
        }

        r = sd_event_add_time_relative(
                        c->server->event,
                        &c->partial_source,
                        CLOCK_MONOTONIC,
                        c->server->partial_timeout_usec,
                        /* accuracy= */ 0,
                        on_partial_timeout,
                        c);
        if (r < 0)
                return r;

        (void) sd_event_source_set_description(c->partial_source, "varlink-partial");
        return 0;
}

static int connection_try_update(VarlinkConnection *c) {
        bool has_output = varlink_codec_has_output(&c->codec), waiting;
        uint32_t events = 0;
        int r;

        /* For the call's end, or for the peer to read what it was told. */
        waiting = c->call || has_output;

        if (c->broken || call_is_drained(c) || (!waiting && (c->eof || varlink_codec_has_message(&c->codec)))) {
                r = connection_add_turn(c);
                if (r < 0)
                        return r;
        } else if (!waiting)
                c->paused = false;

        if (!c->eof && !c->paused)
                events |= EPOLLIN;
        if (has_output)
                events |= EPOLLOUT;
        r = connection_set_events(c, events);
        if (r < 0)
                return r;

        if (!c->call)
                c->hung_up = false;
        r = sd_event_source_set_enabled(c->io_source, c->hung_up ? SD_EVENT_OFF : SD_EVENT_ON);
        if (r < 0)
                return r;

        return connection_set_partial(c, !waiting && varlink_codec_has_partial(&c->codec));
}

void varlink_connection_update(VarlinkConnection *c) {
        int r;

        /* On the stack below us is what will call this again. */
        if (c->closed || c->dispatching)
                return;

        r = connection_try_update(c);
        if (r < 0) {
                /* Not closed here, where a method may be what called us. */
                log_debug_errno(r, "Cannot wait for a connection: %m");
                c->broken = true;
                (void) connection_add_turn(c);
        }
}

int varlink_connection_new(VarlinkServer *s, int fd) {
        _cleanup_(varlink_connection_freep) VarlinkConnection *c = NULL;
        int r;

        c = new(VarlinkConnection, 1);
        if (!c)
                return -ENOMEM;
        *c = (VarlinkConnection) { .fd = -EBADF, .peer.pidfd = -EBADF, .codec = VARLINK_CODEC_NULL };

        r = read_peer(fd, &c->peer);
        if (r < 0)
                return r;
        if (!has_room_for(s, c->peer.uid))
                return -EUSERS;

        varlink_codec_init(&c->codec, fd, VARLINK_MESSAGE_MAX, VARLINK_OUTPUT_MAX);
        c->events = EPOLLIN;
        r = sd_event_add_io(s->event, &c->io_source, fd, c->events, on_io, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(c->io_source, "varlink-connection");

        c->fd = fd;
        c->server = s;
        c->peer.connection = ++s->last_connection;
        LIST_INSERT_HEAD(&s->connections, c, connections);
        s->n_connections++;
        TAKE_PTR(c);
        return 0;
}
