/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's uids that boxes run as: 16 in a row for each, so that no two boxes of this host, whichever
 * judgeboxd made them, have one in common. A daemon takes blocks of 4096 boxes and shows so by locking one byte
 * of a file for each block, which the kernel gives back when the last descriptor of it is closed: at the end of the
 * daemon, however that comes, or where its boxes outlive it and the descriptor is stored with them, at theirs. */

#include "macro.h"

#define UID_RANGE_FIRST ((uid_t) 0x70000000)
#define UID_RANGE_BOX_SIZE 16U
#define UID_RANGE_BLOCK_BOXES 4096U
#define UID_RANGE_BLOCK_SIZE (UID_RANGE_BOX_SIZE * UID_RANGE_BLOCK_BOXES)
#define UID_RANGE_BLOCKS 4096U
#define UID_RANGE_BLOCKS_MAX 16U /* that one daemon takes */

typedef struct UidRange UidRange;

/* Where the lock file cannot be made (NULL: none wanted) the blocks are picked at random. */
int uid_range_new(const char *lock_path, UidRange **ret);
/* With the lock file, and the locks on it, of an earlier daemon. Takes the descriptor over, even on failure. */
int uid_range_new_from_fd(int lock_fd, UidRange **ret);
UidRange *uid_range_free(UidRange *u);
DEFINE_TRIVIAL_CLEANUP_FUNC(UidRange *, uid_range_free);

/* Where blocks are taken from now on: a multiple of UID_RANGE_BLOCK_SIZE, and of UID_RANGE_BLOCK_BOXES. */
void uid_range_set_bounds(UidRange *u, uid_t first, uint32_t n_boxes);

/* To be stored. -EBADF if there is none. */
int uid_range_get_lock_fd(const UidRange *u);

/* A box of an earlier daemon has this range: -EEXIST if another box has, -EBUSY if another daemon, -EINVAL if it is
 * none, -ENOSPC. */
int uid_range_adopt(UidRange *u, uid_t base);

/* The first of 16 uids that no box has. The one that was released last comes last. -ENOSPC if there are none. */
int uid_range_allocate(UidRange *u, uid_t *ret_base);
void uid_range_release(UidRange *u, uid_t base);
