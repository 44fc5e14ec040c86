/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* RFC 3629: nothing overlong, no surrogates, nothing above U+10FFFF. */

#include "macro.h"

/* The length of the character at s, of which n bytes are there: 1 to 4, or 0 if it is not valid. n is at
 * least 1. */
size_t utf8_sequence(const char *s, size_t n);

bool utf8_is_valid_n(const char *s, size_t n);

/* For what only people read: puts a ? for each byte that belongs to no character. */
void utf8_mask(char *s);
