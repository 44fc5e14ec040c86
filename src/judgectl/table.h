/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How judgectl looks: tables, aligned fields and colours, as systemd's tools have them. */

#include <stdio.h>

#include "macro.h"

typedef enum Color {
        COLOR_NONE,
        COLOR_BOLD,
        COLOR_RED,
        COLOR_GREEN,
        COLOR_YELLOW,
        COLOR_GREY,
        COLOR_UNDERLINE,
        _COLOR_MAX,
} Color;

/* The escape sequence, or "" where the stream is no terminal, NO_COLOR is set (no-color.org) or TERM is dumb. */
const char *color_on(FILE *f, Color color);
const char *color_off(FILE *f);

typedef struct Table Table;

/* The headings end with NULL; one that begins with '>' has its column aligned to the right. */
Table *table_new(const char *heading, ...) _sentinel_;
Table *table_free(Table *t);
DEFINE_TRIVIAL_CLEANUP_FUNC(Table *, table_free);

/* Appends a cell, row by row. The text, printable, is taken over; NULL is a failed allocation: -ENOMEM. */
int table_add(Table *t, Color color, char *text);
int table_addf(Table *t, Color color, const char *format, ...) _printf_(3, 4);

void table_print(Table *t, FILE *f, bool header);

/* "     Name: value", the name aligned to the right in 12 columns; an empty name continues the field before. */
void field_print(FILE *f, const char *name, const char *format, ...) _printf_(3, 4);
