/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SIGINT, SIGTERM and SIGHUP, read from a descriptor while a connection is open: a run that is abandoned has to be
 * canceled, a box of our own taken away and a private daemon waited for before judgectl dies of the signal. A
 * signal that whoever started us ignores (nohup) stays ignored. */

#include <signal.h>

#include "fd-util.h"

typedef struct Interrupt {
        int fd; /* -EBADF: signals do what they always do */
        sigset_t old_mask;
        int signal; /* the one that came, or 0 */
        const int *also; /* further signals that are read, with 0 at the end; or NULL. Likewise set before */
        void (*on_resize)(void *userdata); /* NULL: SIGWINCH is not looked at; else set before interrupt_block() */
        void *userdata;
} Interrupt;

#define INTERRUPT_NULL (Interrupt) { .fd = -EBADF }

int interrupt_block(Interrupt *i);

/* Reads what came; true if a signal did, now or before. Never waits. */
bool interrupt_check(Interrupt *i);

/* Gives signals back what they did before; dies of the one that came, if one did. */
void interrupt_done(Interrupt *i);
