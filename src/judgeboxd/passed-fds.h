/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The descriptors that the service manager started us with (sd_listen_fds_with_names(3)): listening sockets, and what an
 * earlier daemon had stored. */

#include "macro.h"

typedef struct PassedFd {
        char *name;
        int fd;
} PassedFd;

typedef struct PassedFds {
        PassedFd *items; /* sorted by name */
        size_t n;
} PassedFds;

/* To be called before anything else is opened. */
int passed_fds_take(PassedFds *ret);
void passed_fds_done(PassedFds *p);
