/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Closing a descriptor of somebody else's without waiting for it.
 *
 * close(2) of a file on FUSE or a network file system asks its server (FUSE_FLUSH), and waits for the answer: a tenant
 * who serves the file himself and never answers would stop a daemon that has one loop for all. The last close of a TCP
 * socket waits for its peer to read, for as long as anybody who had it said (SO_LINGER), and the last of a UNIX socket
 * is the last of whatever is on its way through it. So what is received and may be such a thing is closed by a helper
 * process that shares our table of descriptors (CLONE_FILES): the number is free at once, and only the helper waits.
 * There is none until the first is needed, and a few more if they get stuck. systemd closes the same way
 * (asynchronous_close()). A helper is no child that wait4(-1) would find, and its end sends no signal.
 *
 * What is forked from such a daemon must share its table as well: a copy is closed when the child ends, or before.
 *
 * fd-util.h does it by itself once this is switched on: recv_with_foreign_fds() marks, safe_close() hands over. */

#include "macro.h"

void slow_close_enable(void);
/* Ends the helpers that are not stuck. */
void slow_close_disable(void);

/* Finds out without asking the file's server whether this descriptor may be slow to close, and remembers it. */
void slow_close_mark(int fd);

/* For what is received from others but is the kernel's own. */
void slow_close_unmark(int fd);

/* Whoever reads or writes such a descriptor may wait just as long. */
bool slow_close_is_marked(int fd);

/* Whether it was marked, and is taken care of: it must not be used any more. */
bool slow_close_take(int fd);

/* Closes every descriptor but these, and but the marked ones whose closing could keep us waiting, in a child that has a
 * table of its own. Nothing but system calls. -EBADF among these means none. */
int slow_close_others(const int *keep, size_t n);

/* Pids of the helpers, for tests. Returns how many. */
size_t slow_close_get_helpers(const pid_t **ret);
