/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text that others wrote, on its way to a request or to a terminal. */

#include "macro.h"

/* A printable copy: control characters (also U+0080 to U+009F, with which a terminal can be driven as well) and
 * bytes that are no UTF-8 become \xNN. With keep_lines, tab and newline stay. NULL: out of memory. */
char *text_escape(const char *s, size_t size, bool keep_lines);

/* How many columns a printable text takes, one for each code point. */
size_t text_width(const char *s);

/* Orders "2" before "10": runs of digits compare as numbers, the rest byte by byte. */
int text_compare_natural(const char *a, const char *b);

/* Cuts at ':', where "\:" stands for a colon and "\\" for a backslash. Returns -EINVAL for any other use of a
 * backslash. */
int text_split_colons(const char *s, char ***ret);

/* What follows the last slash. */
const char *path_last_component(const char *path);
