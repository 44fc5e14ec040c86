/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parameters of org.judgebox.Manager's methods as the daemon's own types. The object was held against the
 * interface before (varlink_idl_check_parameters()): names and types are right, what is null is absent. What the
 * values mean is checked here, through request-check.h. */

#include <json-c/json.h>

#include "operation.h"
#include "request-check.h"

/* Where the descriptors are that came along: the one at this index, the receiver's from now on; -EBADF if there is
 * none. */
typedef struct RequestFds {
        int (*take)(int64_t index, void *userdata);
        void *userdata;
} RequestFds;

/* Fill in what the parameters say; returns 0, a negative errno, or a Failure. What was filled in so far belongs to
 * the target in any case. */
int request_parse_limits(json_object *o, Limits *limits);
int request_parse_settings(json_object *o, const char *prefix, const RequestFds *fds, BoxSettings *s, Failure *f);
int request_parse_run(json_object *o, const RequestFds *fds, RunRequest *q, Failure *f);
/* Of a run's parameters just which files are to be handed out. */
int request_parse_out_files(json_object *o, RunRequest *q, Failure *f);

/* Whether any of its streams goes through the service. */
bool request_is_streamed(const RunRequest *q);

/* The whole of a method's parameters, checked. */
int request_parse(Operation *o, json_object *parameters, const RequestFds *fds, Failure *f);
