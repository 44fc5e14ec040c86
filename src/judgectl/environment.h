/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The program's environment. An environment in a request replaces the service's default as a whole (interface
 * org.judgebox.Manager), so what is meant to add to the default has to begin with it. */

#include "macro.h"

/* Appends the service's default. */
int environment_add_defaults(char ***l);

/* Adds NAME=VALUE, in place of the one of that name if there is one. */
int environment_set(char ***l, const char *variable);

/* NAME=VALUE, or NULL. */
const char *environment_get(char *const *l, const char *name);
