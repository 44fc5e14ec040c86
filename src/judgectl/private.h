/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A judgeboxd of our own, for hosts without the service: it serves one socketpair and ends with it. */

#include "fd-util.h"

typedef struct PrivateDaemon {
        pid_t pid;
        int pidfd;
} PrivateDaemon;

#define PRIVATE_DAEMON_NULL (PrivateDaemon) { .pidfd = -EBADF }

/* Starts the judgeboxd beside our own executable, else the installed one. ret_fd: our end of the socketpair.
 * Logs. */
int private_daemon_start(bool degrade, PrivateDaemon *ret, int *ret_fd);

/* Waits until it has ended; our end of the socketpair must be closed already. A daemon that does not end within
 * ten seconds is killed. Logs where it did not end well. */
void private_daemon_wait(PrivateDaemon *d);
