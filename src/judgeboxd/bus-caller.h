/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who sends D-Bus messages, as the bus daemon says. A unique name is never given out twice, so what was learned of
 * one stays true and is asked for once.
 *
 * That question is the one call on which judgeboxd waits for the bus (sd-bus gives objects and properties no other
 * way to know who asks): for no more than BUS_CALLER_TIMEOUT_USEC, from a bus that has just delivered a message. */

#include <systemd/sd-bus.h>

#include "authority.h"

#define BUS_CALLER_TIMEOUT_USEC (2 * USEC_PER_SEC)

typedef struct BusCallers BusCallers;

int bus_callers_new(sd_bus *bus, BusCallers **ret);
BusCallers *bus_callers_free(BusCallers *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(BusCallers *, bus_callers_free);

/* The client with this unique name is gone. */
void bus_callers_forget(BusCallers *c, const char *name);

/* The sender of a message. ret->bus_name is the message's. */
int bus_callers_get(BusCallers *c, sd_bus_message *m, Caller *ret);
