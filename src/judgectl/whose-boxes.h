/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verbs that look at boxes, one's own or, for admins, another's or everyone's: --all and --owner=. */

#include "connect.h"
#include "context.h"
#include "request.h"

/* The command line of such a verb, which takes no arguments. legend: it has --no-legend, too. 1 to go on, 0 after --help,
 * negative after logging. */
int whose_boxes_parse(Context *c, int argc, char *argv[], const char *help, bool legend, bool *ret_all);

/* -EINVAL for both together, which is logged. */
int whose_boxes_check(const Context *c, bool all);

/* The request that says so. Logs. */
int whose_boxes_make_request(const Context *c, bool all, Request *q);

/* Asks for the boxes with their state. ret_boxes is an array in the reply. Logs. */
int whose_boxes_list(const Context *c, bool all, Connection *connection, VarlinkReply *reply, json_object **ret_boxes);
