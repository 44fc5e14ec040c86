/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* uthash and utlist as this daemon uses them: out of memory is reported, not an exit(). After HASH_ADD* ask
 * hash_added(). */

#define HASH_NONFATAL_OOM 1

#include <uthash.h>
#include <utlist.h>

#define hash_added(element) ((element)->hh.tbl != NULL)
