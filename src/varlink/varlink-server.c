/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "fd-util.h"
#include "log.h"
#include "string-util.h"
#include "varlink-internal.h"

/* How many connections are accepted in one turn of the loop: a flood of them is got rid of quickly, and yet
 * holds up those that are there by no more than some ten microseconds. */
#define ACCEPT_MAX 16U

/* How long accepting rests when there are no descriptors left: the socket stays readable, and would keep the
 * loop spinning. */
#define ACCEPT_RETRY_USEC (100 * USEC_PER_MSEC)

static VarlinkListener *varlink_listener_free(VarlinkListener *l) {
        if (!l)
                return NULL;

        if (l->server)
                LIST_REMOVE(l, listeners);
        (void) sd_event_source_disable_unref(l->io_source);
        (void) sd_event_source_disable_unref(l->retry_source);
        (void) safe_close(l->fd);
        if (l->path)
                (void) unlink(l->path);
        free(l->path);
        return mfree(l);
}
DEFINE_TRIVIAL_CLEANUP_FUNC(VarlinkListener *, varlink_listener_free);

int varlink_server_new(
                sd_event *event,
                const char *vendor,
                const char *product,
                const char *version,
                const char *url,
                VarlinkServer **ret) {

        _cleanup_(varlink_server_freep) VarlinkServer *s = NULL;
        int r;

        assert(event);
        assert(vendor && product && version && url);
        assert(ret);

        s = new(VarlinkServer, 1);
        if (!s)
                return -ENOMEM;

        *s = (VarlinkServer) {
                .event = sd_event_ref(event),
                .vendor = strdup(vendor),
                .product = strdup(product),
                .version = strdup(version),
                .url = strdup(url),
                .partial_timeout_usec = VARLINK_PARTIAL_TIMEOUT_USEC,
                .tokener = json_tokener_new_ex(VARLINK_DEPTH_MAX + 1),
        };
        LIST_INIT(&s->listeners);
        LIST_INIT(&s->connections);
        LIST_INIT(&s->closed);

        if (!s->vendor || !s->product || !s->version || !s->url || !s->tokener)
                return -ENOMEM;

        r = varlink_server_add_service_interface(s);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

VarlinkServer *varlink_server_free(VarlinkServer *s) {
        VarlinkListener *l;
        VarlinkConnection *c;

        if (!s)
                return NULL;

        while ((l = LIST_FIRST(&s->listeners)))
                varlink_listener_free(l);
        while ((c = LIST_FIRST(&s->connections)))
                varlink_connection_close(c);
        varlink_server_collect(s);
        (void) sd_event_source_disable_unref(s->collect_source);

        for (size_t i = 0; i < s->n_interfaces; i++) {
                varlink_idl_free(s->interfaces[i].idl);
                free(s->interfaces[i].bindings);
        }
        free(s->interfaces);

        if (s->tokener)
                json_tokener_free(s->tokener);
        free(s->vendor);
        free(s->product);
        free(s->version);
        free(s->url);
        (void) sd_event_unref(s->event);
        return mfree(s);
}

void varlink_server_collect(VarlinkServer *s) {
        VarlinkConnection *c;

        while ((c = LIST_FIRST(&s->closed)))
                varlink_connection_free(c);
}

const VarlinkInterface *varlink_server_find_interface(VarlinkServer *s, const char *name, size_t n) {
        for (size_t i = 0; i < s->n_interfaces; i++) {
                const char *k = varlink_idl_get_name(s->interfaces[i].idl);

                if (strncmp(k, name, n) == 0 && k[n] == '\0')
                        return s->interfaces + i;
        }

        return NULL;
}

int varlink_server_add_interface(VarlinkServer *s, const char *idl) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *parsed = NULL;
        _cleanup_free_ VarlinkBinding *bindings = NULL;
        VarlinkInterface *grown;
        const char *name;
        int r;

        assert(s);
        assert(idl);

        r = varlink_idl_parse(idl, NULL, &parsed);
        if (r < 0)
                return r;

        name = varlink_idl_get_name(parsed);
        if (varlink_server_find_interface(s, name, strlen(name)))
                return -EEXIST;

        bindings = new0(VarlinkBinding, varlink_idl_get_n_symbols(parsed));
        if (!bindings)
                return -ENOMEM;

        grown = reallocarray(s->interfaces, s->n_interfaces + 1, sizeof(VarlinkInterface));
        if (!grown)
                return -ENOMEM;

        s->interfaces = grown;
        s->interfaces[s->n_interfaces++] = (VarlinkInterface) {
                .idl = TAKE_PTR(parsed),
                .bindings = TAKE_PTR(bindings),
        };
        return 0;
}

int varlink_server_bind_method_full(
                VarlinkServer *s,
                const char *method,
                VarlinkMethodFlags flags,
                varlink_method_t callback,
                void *userdata) {

        const VarlinkInterface *i;
        const VarlinkSymbol *symbol;
        const char *dot;

        assert(s);
        assert(method);
        assert(callback);

        dot = strrchr(method, '.');
        if (!dot)
                return -ENOENT;

        i = varlink_server_find_interface(s, method, (size_t) (dot - method));
        if (!i)
                return -ENOENT;

        symbol = varlink_idl_find_method(i->idl, dot + 1);
        if (!symbol)
                return -ENOENT;

        i->bindings[varlink_symbol_get_index(i->idl, symbol)] = (VarlinkBinding) {
                .callback = callback,
                .userdata = userdata,
                .flags = flags,
        };
        return 0;
}

static int on_accept_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        VarlinkListener *l = ASSERT_PTR(userdata);

        return sd_event_source_set_enabled(l->io_source, SD_EVENT_ON);
}

static int listener_rest(VarlinkListener *l) {
        int r;

        r = sd_event_source_set_time_relative(l->retry_source, ACCEPT_RETRY_USEC);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(l->retry_source, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(l->io_source, SD_EVENT_OFF);
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        VarlinkListener *l = ASSERT_PTR(userdata);

        for (unsigned i = 0; i < ACCEPT_MAX; i++) {
                _cleanup_close_ int peer_fd = -EBADF;
                int r;

                peer_fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (peer_fd < 0) {
                        if (IN_SET(errno, EINTR, ECONNABORTED))
                                continue;
                        if (errno == EAGAIN)
                                break;
                        log_debug_errno(errno, "Cannot accept a connection, resting: %m");
                        return listener_rest(l);
                }

                /* Varlink has no error to send before a call. */
                r = varlink_connection_new(l->server, peer_fd);
                if (r < 0) {
                        log_debug_errno(r, "Refused a connection: %m");
                        peer_fd = safe_close_connection(peer_fd);
                } else
                        TAKE_FD(peer_fd);
        }

        return 0;
}

static int add_listener(VarlinkServer *s, int listen_fd, char *listen_path) {
        _cleanup_close_ int fd = listen_fd;
        _cleanup_free_ char *path = listen_path;
        _cleanup_(varlink_listener_freep) VarlinkListener *l = NULL;
        int r;

        r = fd_set_nonblock(fd, true);
        if (r < 0)
                return r;
        r = fd_set_cloexec(fd, true);
        if (r < 0)
                return r;

        l = new(VarlinkListener, 1);
        if (!l)
                return -ENOMEM;
        *l = (VarlinkListener) { .fd = TAKE_FD(fd), .path = TAKE_PTR(path) };

        r = sd_event_add_io(s->event, &l->io_source, l->fd, EPOLLIN, on_accept, l);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(l->io_source, "varlink-accept");

        /* Made now, since it needs a descriptor itself. */
        r = sd_event_add_time(
                        s->event,
                        &l->retry_source,
                        CLOCK_MONOTONIC,
                        USEC_INFINITY,
                        /* accuracy= */ 0,
                        on_accept_retry,
                        l);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(l->retry_source, "varlink-accept-retry");
        r = sd_event_source_set_enabled(l->retry_source, SD_EVENT_OFF);
        if (r < 0)
                return r;

        l->server = s;
        LIST_INSERT_HEAD(&s->listeners, l, listeners);
        TAKE_PTR(l);
        return 0;
}

int varlink_server_listen_fd(VarlinkServer *s, int fd) {
        assert(s);
        assert(fd >= 0);

        return add_listener(s, fd, NULL);
}

/* Whether there is nothing at this path, or a socket that nobody listens on. */
static int check_stale(const struct sockaddr_un *sa) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (lstat(sa->sun_path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -EADDRINUSE;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        if (connect(fd, (const struct sockaddr *) sa, sizeof(*sa)) >= 0 || errno != ECONNREFUSED)
                return -EADDRINUSE;

        return 0;
}

/* Makes the socket at a path of its own. One that a crash left there is nobody's. */
static int bind_and_listen(int fd, const char *path, mode_t mode) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        mode_t saved;
        int r;

        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        memcpy(sa.sun_path, path, strlen(path));

        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;

        /* Never open to more than the mode says, not even between bind() and a chmod(). */
        saved = umask(~mode & 0777);
        r = RET_NERRNO(bind(fd, (struct sockaddr *) &sa, sizeof(sa)));
        (void) umask(saved);
        if (r < 0)
                return r;

        return RET_NERRNO(listen(fd, SOMAXCONN));
}

int varlink_server_listen_path(VarlinkServer *s, const char *path, mode_t mode) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_free_ char *copy = NULL, *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        assert(s);
        assert(path);

        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        memcpy(sa.sun_path, path, strlen(path));

        r = check_stale(&sa);
        if (r < 0)
                return r;

        copy = strdup(path);
        temporary = strprintf("%s.new", path);
        if (!copy || !temporary)
                return -ENOMEM;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        /* It appears under its name when it listens already: who waits for the file may connect at once. */
        r = bind_and_listen(fd, temporary, mode);
        if (r >= 0)
                r = RET_NERRNO(rename(temporary, path));
        if (r < 0) {
                (void) unlink(temporary);
                return r;
        }

        return add_listener(s, TAKE_FD(fd), TAKE_PTR(copy));
}

int varlink_server_add_connection_fd(VarlinkServer *s, int connection_fd) {
        _cleanup_close_ int fd = connection_fd;
        int r;

        assert(s);
        assert(fd >= 0);

        r = varlink_connection_new(s, fd);
        if (r < 0)
                return r;

        TAKE_FD(fd);
        return 0;
}

void varlink_server_set_idle_handler(
                VarlinkServer *s,
                void (*callback)(VarlinkServer *s, void *userdata),
                void *userdata) {

        assert(s);

        s->idle_handler = callback;
        s->idle_userdata = userdata;
}

void varlink_server_set_closed_handler(
                VarlinkServer *s,
                void (*callback)(VarlinkServer *s, uint64_t connection, void *userdata),
                void *userdata) {

        assert(s);

        s->closed_handler = callback;
        s->closed_userdata = userdata;
}

size_t varlink_server_get_n_connections(VarlinkServer *s) {
        assert(s);

        return s->n_connections;
}

void varlink_server_set_partial_timeout(VarlinkServer *s, usec_t usec) {
        assert(s);

        s->partial_timeout_usec = usec;
}
