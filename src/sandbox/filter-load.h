/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Loading a filter in the child that is to become the program, and getting its listener to judgebox-init.
 *
 * The listener is a descriptor of whoever loads the filter. The child has a descriptor table of its own, and
 * judgebox-init, from which it was forked with CLONE_VFORK, waits until it has executed: it can neither look into that
 * table (pidfd_getfd(2)) nor answer a notification in between. So the child sends the listener into a socket whose
 * other end judgebox-init reads afterwards. Nothing of that can block: the socket is empty, and the call is one of
 * those that filter.h lets pass. Of the child's own copy, which closes on exec, the program sees nothing.
 *
 * Sharing the descriptor table (CLONE_FILES) would spare the socket, but the program's descriptors would then have to
 * be put at their numbers among judgebox-init's. */

#include "filter.h"

/* In the parent, before: what the child needs of it. The descriptor is the child's end, to be kept out of the way of
 * others' numbers. */
int filter_load_prepare(int *ret_socket_fd);

/* In the child. Everything after it must carry f->secret. ret_muted: nobody can listen, and so it was muted. */
int filter_load(Filter *f, int socket_fd, bool *ret_muted);

/* In the parent, afterwards: the listener, or -EBADF if none was sent. */
int filter_load_take_listener(void);
