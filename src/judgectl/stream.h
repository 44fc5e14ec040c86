/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The standard streams of a run. The service takes a descriptor only if a program may be trusted with it; a
 * terminal never is (a program that holds it could type into it, ioctl_tty(2), TIOCSTI). For such a stream the
 * program gets a pipe, and judgectl relays while it waits for the reply. */

#include <poll.h>

#include "fd-util.h"

/* Whether the program may have this descriptor itself: a regular file, a pipe, /dev/null, and for output a stream
 * socket. */
bool stream_can_pass(int fd, bool input);

typedef struct Relay {
        bool input;
        bool eof;       /* nothing more to read; what is in the buffer is still to be written */
        bool terminal;  /* the program's end is one, which has no end of file */
        int source_fd;  /* owned if it is the pipe's end */
        int sink_fd;
        size_t start, end;
        char buffer[16384];
} Relay;

/* Puts a pipe between `fd`, which stays the caller's, and the program. ret_program_fd is the program's end. */
int relay_new(int fd, bool input, Relay **ret, int *ret_program_fd);

/* Between `fd`, which stays the caller's, and our side of the program's terminal, which is taken over. */
int relay_new_terminal(int fd, bool input, int terminal_fd, Relay **ret);

Relay *relay_free(Relay *r);
DEFINE_TRIVIAL_CLEANUP_FUNC(Relay *, relay_free);

/* What to poll for: fd is negative where there is nothing to wait for. */
struct pollfd relay_poll(const Relay *r);

/* Whether it would read a terminal, but judgectl is in the background: it would be stopped for reading, though the
 * program may not even want the input. To be asked again after a while. */
bool relay_is_paused(const Relay *r);

/* Nothing more will be moved. */
bool relay_is_over(const Relay *r);

/* Moves what can be moved after poll() said so. A side that is gone ends the relay, never the caller. */
void relay_process(Relay *r, short revents);

/* After the program's end: hands on what it left in the pipe, without waiting for more. */
void relay_drain(Relay *r);
