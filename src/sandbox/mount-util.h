/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The mount system calls by descriptor (Linux 5.2 and 5.12): no path is looked up twice, and a mount has
 * its flags before anybody can reach it. All descriptors are close-on-exec. */

#include <sys/mount.h>

#include "macro.h"

/* A new file system, not attached anywhere. options: names and values (NULL: a flag) by turns, NULL at the
 * end. Returns the
 * descriptor of its root. */
int mount_new(const char *type, const char *const *options, unsigned attributes);

/* A copy of what is mounted there (path "": dir_fd itself), not attached anywhere. Only what is attached
 * in our own mount namespace can be copied: -EINVAL else. */
int mount_clone(int dir_fd, const char *path, bool recursive);

/* Adds attributes (MOUNT_ATTR_*) and cuts all propagation: what is mounted on the original later must not
 * appear in the copy, and the other way round. */
int mount_restrict(int mount_fd, uint64_t attributes, bool recursive);

/* Attaches what mount_new() or mount_clone() made. target "": at target_fd itself. A symbolic link at the
 * end of the target is not followed. */
int mount_attach(int mount_fd, int target_fd, const char *target);

/* Takes an attached mount out of the tree, and all mounted below it. mount_fd must be its root. If
 * something is mounted right on that root, it is this that goes, as with any umount2(). */
int mount_detach(int mount_fd);

/* mount_clone(), mount_restrict(), mount_attach(). */
int mount_bind(
                int source_fd,
                const char *source,
                int target_fd,
                const char *target,
                uint64_t attributes,
                bool recursive);
