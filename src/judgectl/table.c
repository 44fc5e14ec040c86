/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <unistd.h>

#include "string-util.h"
#include "table.h"
#include "text-util.h"

#define COLUMNS_MAX 16U
#define FIELD_WIDTH 12

typedef struct Cell {
        char *text;
        Color color;
} Cell;

struct Table {
        const char *headings[COLUMNS_MAX];
        bool right[COLUMNS_MAX];
        size_t n_columns;
        Cell *cells;
        size_t n_cells;
};

static bool color_wanted(FILE *f) {
        const char *term = getenv("TERM");

        return isempty(getenv("NO_COLOR")) && !isempty(term) && !streq(term, "dumb") && isatty(fileno(f));
}

const char *color_on(FILE *f, Color color) {
        static const char *const table[_COLOR_MAX] = {
                [COLOR_NONE] = "",
                [COLOR_BOLD] = "\x1b[1m",
                [COLOR_RED] = "\x1b[1;31m",
                [COLOR_GREEN] = "\x1b[1;32m",
                [COLOR_YELLOW] = "\x1b[1;33m",
                [COLOR_GREY] = "\x1b[90m",
                [COLOR_UNDERLINE] = "\x1b[4m",
        };

        assert((size_t) color < ELEMENTSOF(table));
        return color_wanted(f) ? table[color] : "";
}

const char *color_off(FILE *f) {
        return color_wanted(f) ? "\x1b[0m" : "";
}

Table *table_new(const char *heading, ...) {
        _cleanup_(table_freep) Table *t = NULL;
        va_list ap;

        t = new0(Table, 1);
        if (!t)
                return NULL;

        va_start(ap, heading);
        for (const char *h = heading; h; h = va_arg(ap, const char *)) {
                assert(t->n_columns < COLUMNS_MAX);

                t->right[t->n_columns] = h[0] == '>';
                t->headings[t->n_columns++] = h + (h[0] == '>');
        }
        va_end(ap);

        return TAKE_PTR(t);
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;

        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i].text);

        free(t->cells);
        return mfree(t);
}

int table_add(Table *t, Color color, char *text) {
        _cleanup_free_ char *owned = text;
        Cell *grown;

        assert(t);

        if (!text)
                return -ENOMEM;

        grown = reallocarray(t->cells, t->n_cells + 1, sizeof(Cell));
        if (!grown)
                return -ENOMEM;

        t->cells = grown;
        t->cells[t->n_cells++] = (Cell) { .text = TAKE_PTR(owned), .color = color };
        return 0;
}

int table_addf(Table *t, Color color, const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);

        return r < 0 ? -ENOMEM : table_add(t, color, text);
}

/* The blanks before a cell are printed with it, so that no line ends in some. */
static void print_row(Table *t, FILE *f, const size_t *widths, const Cell *cells) {
        size_t blanks = 0;

        for (size_t i = 0; i < t->n_columns; i++) {
                size_t n = widths[i] - text_width(cells[i].text);
                Color color = cells[i].color;

                if (!isempty(cells[i].text)) {
                        (void) fprintf(f, "%*s%s%s%s", (int) (blanks + (t->right[i] ? n : 0)), "",
                                       color_on(f, color), cells[i].text, color == COLOR_NONE ? "" : color_off(f));
                        blanks = t->right[i] ? 0 : n;
                } else
                        blanks += n;
                blanks++;
        }

        (void) fputc('\n', f);
}

void table_print(Table *t, FILE *f, bool header) {
        size_t widths[COLUMNS_MAX] = {};

        assert(t);
        assert(t->n_columns > 0);
        assert(t->n_cells % t->n_columns == 0);

        for (size_t i = 0; i < t->n_columns && header; i++)
                widths[i] = text_width(t->headings[i]);
        for (size_t i = 0; i < t->n_cells; i++)
                widths[i % t->n_columns] = MAX(widths[i % t->n_columns], text_width(t->cells[i].text));

        if (header) {
                Cell cells[COLUMNS_MAX];

                for (size_t i = 0; i < t->n_columns; i++)
                        cells[i] = (Cell) { .text = (char *) t->headings[i], .color = COLOR_UNDERLINE };
                print_row(t, f, widths, cells);
        }

        for (size_t i = 0; i < t->n_cells; i += t->n_columns)
                print_row(t, f, widths, t->cells + i);
}

void field_print(FILE *f, const char *name, const char *format, ...) {
        va_list ap;

        assert(format);

        (void) fprintf(f, "%*s%s ", FIELD_WIDTH, name, isempty(name) ? " " : ":");
        va_start(ap, format);
        (void) vfprintf(f, format, ap);
        va_end(ap);
        (void) fputc('\n', f);
}
