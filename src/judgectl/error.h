/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-c/json.h>

#include "macro.h"

/* What an error reply means, in one sentence for people: which field, as the option that sets it where there is
 * one, and what would be allowed. NULL: out of memory. */
char *error_to_sentence(const char *error, json_object *parameters);

/* The short name ("NoSuchBox") of an error of our own interface, or NULL. */
const char *error_short_name(const char *error);
