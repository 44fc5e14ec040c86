/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Landlock, as far as judgebox uses it: a wall that a process puts around itself and all that comes from it. What
 * files it may use is said by the inodes of directories and files, not by mounts, so that it holds where a mount
 * namespace would not: for a descriptor that came in from outside, for instance. Beside files it keeps a program from
 * tracing, and where the kernel can (Linux 6.12) from signalling and from meeting at abstract sockets, whoever is not
 * behind the same wall.
 *
 * TCP, which it could close too, is left alone: it knows ports but no addresses, so that a box would lose the loopback
 * device that it has for itself. What keeps a box from the network is its namespace. */

#include "macro.h"

typedef enum LandlockAccess {
        LANDLOCK_LIST = 1 << 0,    /* directories */
        LANDLOCK_READ = 1 << 1,    /* files */
        LANDLOCK_EXECUTE = 1 << 2,
        LANDLOCK_WRITE = 1 << 3,   /* files that are there */
        LANDLOCK_CHANGE = 1 << 4,  /* make, rename and remove */
} LandlockAccess;

#define LANDLOCK_ALL (LANDLOCK_LIST | LANDLOCK_READ | LANDLOCK_EXECUTE | LANDLOCK_WRITE | LANDLOCK_CHANGE)

/* Whether the kernel has it, in a version that is of use: found out once. */
bool landlock_is_supported(void);

/* Whether that version knows of truncation; in one that does not, truncate-filter.h stands in. */
bool landlock_guards_truncation(void);

/* A ruleset that allows nothing. -EOPNOTSUPP where landlock_is_supported() says no. */
int landlock_new(int *ret_fd);

/* Allows this for what fd is open on and, if that is a directory, for all below it. Allowed is what any rule
 * allows. What has no rule because nothing can be said of it, such as a pipe, is none of Landlock's business. */
int landlock_allow(int ruleset_fd, int fd, LandlockAccess access);

/* Puts the caller behind it for good. A plain system call: may be called after vfork(). */
int landlock_restrict(int ruleset_fd);
