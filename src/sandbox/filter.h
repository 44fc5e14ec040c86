/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The seccomp filter of a run, made ready to be loaded.
 *
 * It is loaded right before the program is executed, and holds for what is still to be done: for the execution itself,
 * which a strict profile may well forbid, and for handing the listener to judgebox-init. So a few instructions go
 * before the profile's, which let those calls pass, and only those, if they carry a secret: 64 random bits, made
 * for this run alone, in the sixth argument, which none of them has. The program cannot know it: it is in
 * judgebox-init's memory, which is not dumpable, and in the kernel's copy of the filter, which nobody in a box may
 * read; execve() starts it with cleared registers. A guess is a forbidden call like any other; and a right one would
 * win the program a call of execveat() or sendmsg() within its box, not a way out of it.
 *
 * The instructions look at the number first, and at the argument only for those calls: of all others the kernel can
 * still work out beforehand that they are always allowed, and does not run the filter for them at all.
 *
 * What is to kill is reported instead: of a process killed by the kernel's own hand nothing is left to say what it
 * had called, nor even that it had not sent itself SIGSYS. The call is not carried out either way; if judgebox-init
 * were gone, it would fail with ENOSYS. */

#include <linux/filter.h>

#include "macro.h"

typedef struct Filter {
        struct sock_filter *program; /* the prologue, then the profile's; NULL: no filter */
        unsigned short n;
        bool notifies; /* somebody must listen */
        unsigned long secret;
} Filter;

/* Reads it from a descriptor that message_parse_execute() found right. -EBADMSG if it returns what can only be known
 * while it runs. */
int filter_read(int fd, Filter *ret);
void filter_done(Filter *f);

/* For where nobody can listen, because whoever runs judgeboxd does so already: what would be reported kills the process,
 * and what would be traced is not. Touches nothing but the instructions. */
void filter_mute(Filter *f);
