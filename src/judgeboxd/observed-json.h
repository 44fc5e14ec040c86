/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a filter reported of a run, in the words of org.judgebox.Manager: calls and architectures get their names
 * here. */

#include <json-c/json.h>

#include "spec.h"

/* Adds "violation" and "trace", where there is one. */
void json_add_observed(int *r, json_object *o, const Violation *v, const Observed *observed);

/* One sentence for people, with what was observed, or run_result_message(). NULL if out of memory. */
char *observed_message(const RunResult *result, const Observed *observed, const Limits *limits, const char *program);
