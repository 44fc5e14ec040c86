/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A process that removes what is moved into a directory, the trash: a program can leave more than a daemon with one
 * loop for all has time for.
 *
 * It is there from the beginning, and not made when there is something to remove: then it would have copies of the
 * descriptors that tenants have sent, and would wait for ever to be rid of one that does not close (slow-close.h). It
 * ends when its daemon has, and it has done all that it was told of. */

#include <systemd/sd-event.h>

#include "macro.h"

typedef struct TrashRemover TrashRemover;

/* To be called before there is a descriptor that could not be closed at once. trash_fd stays the caller's; path: what
 * it is called in logs. */
int trash_remover_new(sd_event *event, int trash_fd, const char *path, TrashRemover **ret);
TrashRemover *trash_remover_free(TrashRemover *t);
DEFINE_TRIVIAL_CLEANUP_FUNC(TrashRemover *, trash_remover_free);

/* There is something in the trash. */
void trash_remover_wake(TrashRemover *t);
