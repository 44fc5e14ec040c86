/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disk quotas of directories, by project (quotactl(2)): a directory is given an id, whatever is made below it gets the
 * same one, and what all files of an id take is bounded by the kernel. ext4 and XFS have them.
 *
 * A program in a box cannot give its files another id: in a user namespace the kernel lets nobody. Its tenant can,
 * with files of his own, be it to get around the quota or to use another's up: a quota binds what runs in boxes, not
 * tenants.
 *
 * Which ids are taken is for the file system to say: one with a limit or with files is, be they the admin's. So an id
 * is not given anew before the last file is gone that had it, and what a daemon left that died is found again. */

#include "macro.h"

/* The ids that are ours: PROJECT_IDS of them. 0 is what all other files have. */
#define PROJECT_ID_FIRST UINT32_C(0x70000000)
#define PROJECT_IDS (UINT32_C(1) << 20)

/* Whether limits would be enforced in the file system of a directory: 1; 0: what is missing. */
int project_quota_check(int dir_fd, const char **ret_missing);

/* Gives an empty directory an id that nothing has, and that /etc/projid does not name. next: which one to look at first,
 * counted from the first of ours; the one after it from then on. -EADDRINUSE if there is none to be found. */
int project_quota_assign(int dir_fd, uint32_t first, uint32_t *next, uint32_t *ret_id);

/* bytes, inodes: 0 is no limit; both, and the id is free once its last file is gone. */
int project_quota_limit(int dir_fd, uint32_t id, uint64_t bytes, uint64_t inodes);

/* Takes the limits from those of our ids that are nobody's any more. */
typedef bool (*project_wanted_t)(uint32_t id, void *userdata);
int project_quota_sweep(int dir_fd, uint32_t first, project_wanted_t wanted, void *userdata);

/* Whether a file in the form of projid(5), which may be NULL, has a name for an id. */
bool project_id_is_named(const char *projid, uint32_t id);
