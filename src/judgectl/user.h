/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* The user's name, or the number where it has none; NULL when out of memory. */
char *user_format(uint64_t uid);

/* A name or number; -ESRCH for neither. */
int user_parse(const char *s, uid_t *ret);
