/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What belongs to a tenant on the host belongs to the program in its box: mounts on which the one uid and gid stand for
 * the other (mount_setattr(2), "ID-mapped mounts"). Nothing is copied and no owner is changed. All other owners are
 * nobody there, so that a program has others' rights to their files, and can neither write them nor make any of theirs.
 * Other groups are themselves, and none that the program is in.
 *
 * The kernel wants the mapping as a user namespace; this one has no process and is seen by none. */

#include "macro.h"

/* A user namespace in which uid and gid stand for box_id, a uid and a gid of the host's. */
int idmap_new(uid_t uid, gid_t gid, uid_t box_id, int *ret_fd);

/* Maps a detached mount and all below it. -EINVAL: not every file system there can be mapped; -EPERM: one is mapped
 * already. */
int idmap_apply(int idmap_fd, int mount_fd);
