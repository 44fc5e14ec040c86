/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* isolate's meta file: "key:value" lines with its keys and formats only, so that what reads those reads ours. */

#include <json-c/json.h>

#include "macro.h"

/* The text for a result; NULL when out of memory. */
char *meta_format(json_object *result);

/* The text where there is no result: status "XX" for a failure of ours, "SG" for an interruption. */
char *meta_format_failure(const char *status, const char *message);

/* "SIGSEGV" is 11; also SIGRTMIN+n and SIGRTMAX-n. -EINVAL for what is no signal. */
int signal_from_name(const char *name);
