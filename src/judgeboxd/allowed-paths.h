/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rules for paths as JSON has them: type AllowedPath of org.judgebox.Manager, in requests, in replies, and in what is kept
 * of a box. */

#include <json-c/json.h>

#include "failure.h"
#include "path-rules.h"

/* The array was held against the interface before, or is NULL. field: what it is called in a refusal. Returns 0, a
 * negative errno, or a Failure. */
int allowed_paths_parse(json_object *array, const char *field, PathRules *ret, Failure *f);

/* That all of it can be had, here and at all. Returns 0 or a Failure. */
int allowed_paths_check(const PathRules *l, const char *field, Failure *f);

int allowed_paths_to_json(const PathRules *l, json_object **ret);
