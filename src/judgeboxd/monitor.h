/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A call of Monitor that goes on: events are told as they happen, to a peer that may not read them. It ends with its
 * connection. */

#include "operation.h"
#include "varlink.h"

/* For a MONITOR that was granted, with the owners that it asked for. Answers for the first time; the call is
 * referenced. */
int monitor_new(VarlinkCall *c, const Operation *op);
