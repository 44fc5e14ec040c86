/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From isolate's options to the service's request for a run: in a box of its own, with the directory of the box that
 * --init made as its working directory. So each run has the rules that it asks for, and nothing but files is left to
 * the next. */

#include "isolate.h"

/* What the rule shows: in the box's directory, unless it is absolute. As the caller. */
int isolate_rule_open(Isolate *i, const DirRule *rule);

/* Opens what is to be seen inside, as the caller. Fails with isolate_fail(). */
int isolate_request_make(Isolate *i, const int *inherited, size_t n_inherited, Request *q);
