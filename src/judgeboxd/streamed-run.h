/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A run whose output is told piece by piece, in replies of its own between `started` and the result: for clients that can
 * pass no descriptors. What the peer does not read is not read from the program either. */

#include "operation.h"
#include "varlink.h"

/* For a call with more. The operation, which is not started yet, is told to end here; the call is referenced until
 * then. */
int streamed_run_new(VarlinkCall *c, Operation *op);
