/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What came of an operation as the reply of its method in org.judgebox.Manager, for every transport. */

#include <json-c/json.h>

#include "operation.h"

#define REPLY_FDS_MAX 16U

/* The method's name without its interface: "CreateBox". */
const char *operation_type_to_method(OperationType t);
OperationType operation_type_from_method(const char *s);

/* A new object, and the descriptors that its …FileDescriptor fields are indexes into: the operation's own, at most
 * REPLY_FDS_MAX. Returns 0 or a negative errno. */
int operation_to_json(const Operation *o, json_object **ret, int *ret_fds, size_t *ret_n_fds);

/* The same for a RUN, after the descriptors that are there already: *n_fds goes on. */
int run_reply_to_json(const Operation *o, json_object **ret, int *fds, size_t *n_fds);

/* What can be told of a run, or a group of them, about to be executed: the first of two replies. */
int started_to_json(const Operation *o, json_object **ret);

/* What this service is, to whoever can reach it: the reply of GetStatus. */
/* For this uid: what others have there is not for it to count, unless it is root. */
int manager_to_json(Manager *m, uid_t uid, json_object **ret);
