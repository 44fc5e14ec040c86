/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What comes out of an operation as the objects of org.judgebox.Manager. What is not known is left out. */

#include <json-c/json.h>

#include "operation.h"

/* Each returns 0 with a new object, or -ENOMEM. */

/* type Limits: those that are set and bound something. */
int limits_to_json(const Limits *l, json_object **ret);

/* type Result. */
int run_to_json(const Run *r, json_object **ret);

/* type BoxStatus; storage in use: RESULT_UNKNOWN if not known. */
int box_to_json(Box *b, uint64_t storage_bytes, uint64_t inodes, json_object **ret);

/* An array of FileEntry from the tail of a LIST's REPLY; -EBADMSG if that is not one. */
int entries_to_json(const char *tail, size_t size, json_object **ret);

int strv_to_json(char *const *l, json_object **ret);
