/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* RFC 4648. What is encoded is one line, NUL-terminated; NULL: out of memory. */
char *base64_encode(const char *s, size_t n);

/* -EBADMSG. The result is NUL-terminated, which is not counted. */
int base64_decode(const char *s, char **ret, size_t *ret_size);
