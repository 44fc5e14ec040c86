/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A connection to the system bus that is made when there is one, be that after us, and made anew when it is lost, because
 * the bus was restarted or has dropped us. The boxes have no part in that: they live on, and so must we. Whoever uses the
 * connection gives up what was under way on it (sd-bus answers open calls with NoReply) and begins anew on the next. */

#include <systemd/sd-bus.h>

#include "macro.h"

typedef struct BusLink BusLink;

typedef struct BusLinkHandler {
        /* May be NULL. The connection is still there, but nothing can be sent on it. */
        void (*lost)(void *userdata);
        /* Also for the first: attached to the loop, and the link's. What fails here is tried again later, on yet another
         * connection. */
        int (*opened)(sd_bus *bus, void *userdata);
} BusLinkHandler;

/* Tries at once, and if there is no bus (yet), again and again. */
int bus_link_new(sd_event *event, const char *description, const BusLinkHandler *handler, void *userdata, BusLink **ret);
BusLink *bus_link_free(BusLink *l);
DEFINE_TRIVIAL_CLEANUP_FUNC(BusLink *, bus_link_free);
