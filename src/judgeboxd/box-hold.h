/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Boxes that are there only until their caller disconnects, so that one who is killed leaves none behind. A connection
 * holds them: the one over which they were made. When the service is started anew, or the bus is, that connection is gone
 * for a reason that is not the caller's: then the first over which their owner uses them holds them, and those that
 * nobody has come for in time go. */

#include "authority.h"
#include "box.h"

/* The connection of this caller holds it from now on, if it is such a box and nobody does. */
int box_hold(Box *b, const Caller *caller);

/* Nobody holds it any more, for a while. */
void box_let_go(Box *b);

/* Takes it away if that has lasted for too long. Returns when to look again. */
usec_t box_check_hold(Box *b, usec_t now);

/* One of varlink by its number, one of the bus by its name. */
void manager_connection_closed(Manager *m, uint64_t connection, const char *bus_name);

/* All of the bus, by no doing of theirs. */
void manager_bus_lost(Manager *m);
