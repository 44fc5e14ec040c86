/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The entries of a directory as judgebox-init sent them: in a memfd that its box is charged for. Here they are read
 * page by page, so that however many there are this daemon holds few of them, and does not deal with them in one
 * go. */

#include <json-c/json.h>

#include "macro.h"

typedef struct Listing Listing;

/* Takes the descriptor over, even on failure. -EBADMSG if it is not what judgebox-init makes. */
int listing_new(int fd, Listing **ret);
Listing *listing_free(Listing *l);
DEFINE_TRIVIAL_CLEANUP_FUNC(Listing *, listing_free);

/* Leaves out so many entries, or all there are. */
int listing_skip(Listing *l, uint64_t n);

/* The next ones, as FileEntry: an empty array at the end. A page fits into a message. -EBADMSG for what are no entries. */
int listing_read(Listing *l, json_object **ret);

/* Nothing is left to be read. */
bool listing_is_at_end(const Listing *l);
