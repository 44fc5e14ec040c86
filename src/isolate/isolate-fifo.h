/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* isolate opens --stdin= and the like in the box, and where that is a FIFO it waits there until somebody has the other
 * end: judges join runs with each other so. In our boxes nothing may wait; the caller does, before the run begins. */

#include "isolate.h"

/* What the program would see at this path, if it is a FIFO: 1, and opened as the caller. 0: it is none, or cannot be told.
 * -ETIME at the deadline (CLOCK_MONOTONIC), -EINTR on a signal; all else fails with isolate_fail(). */
int isolate_fifo_open(Isolate *i, const char *path, bool input, usec_t deadline, int *ret_fd);
