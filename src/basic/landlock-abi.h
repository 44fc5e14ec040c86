/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The version of the kernel's Landlock, 0 where there is none: found out once. */
int landlock_get_abi(void);

/* The first that is of use: before it nothing could be renamed from one directory to another behind it. */
#define LANDLOCK_ABI_REFER 2
