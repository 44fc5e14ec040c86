/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

/* The user's name as far as /etc/passwd has it, else the number; NULL without memory. Other sources are not asked, so
 * that it can be called where nothing may wait for a directory server. */
char *user_name_local(uid_t uid);
