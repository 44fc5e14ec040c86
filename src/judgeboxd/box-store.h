/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What lets boxes outlive the daemon: a file each (box-file.h), and in the service manager's descriptor store
 * (sd_pid_notify_with_fds(3)) the control socket and a pidfd of PID 1, both under the box's name, as well as the lock of
 * the uids under a name of its own.
 *
 * There is no moment at which a daemon that ends would have to do something: what a box needs is stored from when it is
 * ready until it is gone. So a stop, a crash and a kill -9 are the same. If the service manager closes the
 * descriptors, because the service is stopped for good, every judgebox-init sees its socket end and ends its box. */

#include "uid-range.h"

typedef struct Box Box;
typedef struct BoxStore BoxStore;

#define BOX_STORE_UIDS "uid-ranges"

/* -ENOTCONN if no service manager asked to be told ($NOTIFY_SOCKET). */
int box_store_new(const char *directory, BoxStore **ret);
BoxStore *box_store_free(BoxStore *s);
DEFINE_TRIVIAL_CLEANUP_FUNC(BoxStore *, box_store_free);

int box_store_get_dir_fd(const BoxStore *s);

void box_store_add_uids(BoxStore *s, const UidRange *u);

/* When it is ready, or its first run begins; does nothing without a store, or the second time. A box that cannot be
 * stored works all the same, and ends with the daemon: that is logged. */
void box_store_add(Box *b);

/* Descriptors and file, of a box that may be none of ours. */
void box_store_remove(BoxStore *s, const char *box_name);

/* Removes files that belong to no box in the hash of the manager, and temporary ones. */
typedef struct Manager Manager;
int box_store_clean(BoxStore *s, Manager *m);
