/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A run's trace (org.judgebox.Manager's type Trace) for people: a table after an empty line, or nothing where the result
 * has none. */

#include <json-c/json.h>
#include <stdio.h>

void result_print_trace(FILE *f, json_object *result);
