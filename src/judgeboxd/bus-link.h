/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A connection to the system bus that is made anew when it is lost, because the bus was restarted or has dropped us. The
 * boxes have no part in that: they live on, and so must we. Whoever uses the connection gives up what was under way on it
 * (sd-bus answers open calls with NoReply) and begins anew on the next. */

#include <systemd/sd-bus.h>

#include "macro.h"

typedef struct BusLink BusLink;

typedef struct BusLinkHandler {
        /* May be NULL. The connection is still there, but nothing can be sent on it. */
        void (*lost)(void *userdata);
        /* What fails here is tried again later, on yet another connection. */
        int (*opened)(sd_bus *bus, void *userdata);
} BusLinkHandler;

/* The first connection, attached to the loop, for which nothing is called. A negative errno: there is no bus here. */
int bus_link_new(sd_event *event, const char *description, BusLink **ret);
BusLink *bus_link_free(BusLink *l);
DEFINE_TRIVIAL_CLEANUP_FUNC(BusLink *, bus_link_free);

/* The one in use; the link's. */
sd_bus *bus_link_get_bus(BusLink *l);

void bus_link_set_handler(BusLink *l, const BusLinkHandler *handler, void *userdata);
