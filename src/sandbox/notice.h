/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a filter's listener has to say: a system call that was caught, and the strings that it points to. */

#include <linux/seccomp.h>

#include "macro.h"

/* Takes the next call that waits. Returns 1; 0: none waits (any more); or a negative errno: none will come again. Never
 * blocks. */
int notice_receive(int listener_fd, struct seccomp_notif *ret);

/* Lets it go on, as if there were no filter. */
void notice_continue(int listener_fd, const struct seccomp_notif *n);

/* The string at an address of the caller's memory, as it is now, cut off where there is no room; -EFAULT where there is
 * none. -ENOENT: the caller is gone, and what was read may have been another's. */
int notice_read_string(int listener_fd, const struct seccomp_notif *n, uint64_t address, char *buf, size_t size);
int notice_read(int listener_fd, const struct seccomp_notif *n, uint64_t address, void *buf, size_t size);
