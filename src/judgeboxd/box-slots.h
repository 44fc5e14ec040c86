/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The descriptors that a box's child begins with: a fixed, low range of our table, and nothing above it.
 *
 * A forked child would have every descriptor of the daemon's, and would have to close them: also those that tenants
 * sent, and closing one of a file that a tenant serves himself can wait for ever (slow-close.h); one tenant could so
 * keep all others' boxes from starting. So the child shares our table (CLONE_FILES) until its first system call,
 * which gives it a table of its own with this range alone (CLOSE_RANGE_UNSHARE): nothing else is ever copied, or closed.
 *
 * The range is filled with /dev/null before anything else is opened, so what comes in later lies above it. */

#include "macro.h"

#define BOX_SLOTS_END 256

typedef struct BoxSlots BoxSlots;

/* To be called before the first connection. exec_fd, judgebox-init, is taken over. */
int box_slots_new(int exec_fd, BoxSlots **ret);
BoxSlots *box_slots_free(BoxSlots *s);
DEFINE_TRIVIAL_CLEANUP_FUNC(BoxSlots *, box_slots_free);

int box_slots_get_exec_fd(const BoxSlots *s);

/* Moves a descriptor into the range and returns its number there; -EBUSY when too many boxes are being made. It must stay
 * until the child has a table of its own. */
int box_slots_take(BoxSlots *s, int fd);
/* Closes it. */
void box_slots_release(BoxSlots *s, int slot);
