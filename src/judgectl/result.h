/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A run's result (org.judgebox.Manager's type Result) for people. */

#include <stdio.h>

#include "context.h"
#include "table.h"

/* "unknown" where the reply has none. */
const char *result_verdict(json_object *result);
Color verdict_color(const char *verdict);

/* STATUS_OK, STATUS_NO or STATUS_TROUBLE, as judgectl(1) has it for run. */
int result_exit_status(json_object *result);

/* An aligned block; what is not known is left out. */
void result_print(FILE *f, json_object *result);

/* "1.234s" and "12.3M", or "-" where not known; never NULL but when out of memory. */
char *result_format_usec(json_object *result, const char *key);
char *result_format_bytes(json_object *result, const char *key);
