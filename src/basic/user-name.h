/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

/* The user's name as far as /etc/passwd has it, else the number; NULL without memory. Other sources are not asked, so
 * that it can be called where nothing may wait for a directory server. */
char *user_name_local(uid_t uid);

/* The user's own group, likewise; else nobody's. */
#define GID_NOBODY ((gid_t) 65534)
gid_t user_gid_local(uid_t uid);
