/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A terminal of its own for a program (run --tty): a pseudo terminal of which the program has one side and judgectl
 * the other, between it and judgectl's own terminal. Never judgectl's own itself: a program that holds that could type
 * into it. */

#include "stream.h"

typedef struct Terminal Terminal;

/* Takes over size and settings of standard input, if that is a terminal. ret_program_fd is the program's side. */
int terminal_new(Terminal **ret, int *ret_program_fd);

/* Gives our own terminal its settings back. */
Terminal *terminal_free(Terminal *t);
DEFINE_TRIVIAL_CLEANUP_FUNC(Terminal *, terminal_free);

/* From here on keys go to the program as they are pressed, ^C too. The relays are the terminal's. */
int terminal_begin(Terminal *t, Relay *ret_relays[static 2]);

/* Our own terminal has another size: so has the program's. */
void terminal_resize(Terminal *t);

/* The program has ended, and nobody else has its side any more: shows what it wrote last. */
void terminal_finish(Terminal *t);
