/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What programs share by the ipc namespace of the box, and what the last of them leaves there: System V shared memory,
 * semaphores and message queues, and POSIX message queues. Where nothing was left that is known after five system
 * calls. (A new namespace for each run would be dearer, and would have to be entered by the child.) */

#include "macro.h"

/* A view of the POSIX message queues of our ipc namespace, to be made while mounting is still possible; -EBADF where the
 * kernel has none. */
int ipc_open(int *ret_mqueue_fd);

/* Removes all of them. CAP_SYS_ADMIN in the box, where whose they are does not matter. */
int ipc_clear(int mqueue_fd);
