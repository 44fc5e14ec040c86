/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* judgeboxd as a service of systemd: what it tells the service manager and is told by it.
 *
 * SIGTERM  with a store (box-store.h): ends and leaves everything as it is, for the daemon that comes next. Without one,
 *          and with SIGINT: takes every box away first.
 * SIGHUP   reads the configuration again.
 *
 * When there is nothing to do for a while it ends by itself, if the service manager has the socket: whoever connects
 * meanwhile waits there, and has it started again. */

#include "manager.h"
#include "varlink.h"

typedef struct Service Service;

typedef enum ServiceFlags {
        SERVICE_MAY_EXIT = 1 << 0,   /* the service manager has the sockets */
        SERVICE_MAY_RELOAD = 1 << 1, /* there is a configuration */
} ServiceFlags;

/* Blocks the signals. */
int service_new(Manager *m, VarlinkServer *server, ServiceFlags flags, Service **ret);
Service *service_free(Service *s);
DEFINE_TRIVIAL_CLEANUP_FUNC(Service *, service_free);

/* READY=1 */
void service_ready(Service *s);
