/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The root of a box, from the empty tmpfs to pivot_root, and back to new after a reset.
 *
 *   /           tmpfs, read-only
 *   /usr        the host's, read-only; /bin, /lib… as the host has them. Or all that an image has: image.h. Neither
 *               in a bare root
 *   /etc        etc.h; likewise
 *   /dev        devices.h
 *   /proc       proc.h
 *   /box /tmp /dev/shm, and what the settings add: layout.h
 *
 * Nothing is mounted but these: no /sys, no /run. All of it is nosuid, all but the devices nodev. */

#include "image.h"
#include "layout.h"

typedef struct Root {
        int fd; /* O_PATH, "/" */
        int ruleset_fd; /* root-rules.h */
        int mqueue_fd;  /* ipc.h */
        bool keep_temporary;
        Image image;
        Layout layout;
} Root;

#define ROOT_NULL (Root) { .fd = -EBADF, .ruleset_fd = -EBADF, .mqueue_fd = -EBADF, .image = IMAGE_NULL }

/* To be called once, by PID 1 of the box: uid and gid 0 of a user namespace in which BOX_UID and BOX_GID
 * are mapped, in mount, pid, network (unless shared), ipc and uts namespaces of its own, with every
 * capability there and with the host's root as its own. Afterwards the host's root is gone. On failure
 * ret_step says where.
 *
 * s->binds[].source_fd must be detached trees, which the kernel lets us attach but not make:
 * open_tree(fd, "", AT_EMPTY_PATH|OPEN_TREE_CLONE|AT_RECURSIVE) copies only what is mounted in the
 * caller's mount namespace, and by now the tenant's mounts are in another one. So judgeboxd makes them,
 * with the rights of the host, of the descriptors that a tenant sent. Anything else is -EINVAL (Linux
 * 6.1, 6.12, 6.18). */
int root_setup(const BoxSettings *s, Root *ret, Step *ret_step);

/* Closes what is held; the mounts go with the mount namespace. */
void root_done(Root *r);

/* Gives /box, /tmp, /dev/shm and every tmpfs back as they were after root_setup(). No run may be going
 * on. Binds stay, with what is in them. Where little is in the box it is removed; otherwise, or where
 * what is there resists, everything in layout.h is mounted anew: then descriptors of the old /box, if
 * there are any, stay with the old one, which lives until they are closed. After a failure the box is of
 * no use any more. */
int root_reset(Root *r);

/* Takes away what a run has left in /tmp and /dev/shm, and what is mounted there anew (layout_clear()), unless the
 * settings say that it stays. No run may be going on. */
int root_clear(Root *r);

/* What is in use of the storage. */
int root_usage(const Root *r, uint64_t *ret_bytes, uint64_t *ret_inodes);
