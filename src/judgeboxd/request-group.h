/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parameters of RunGroup: each member is what Run takes, and the pipes become descriptors of theirs. */

#include "request.h"

/* Fills in o->group. Returns as request_parse() does. */
int request_parse_group(Operation *o, json_object *parameters, const RequestFds *fds, Failure *f);
