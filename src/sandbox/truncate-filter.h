/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Before its third version (Linux 6.2) Landlock has no say in whether a file is truncated: by truncate(2), or by
 * opening it for something else than writing. So a run with rules for paths (run-rules.h) could empty files that it
 * may only read, or not even that. There, a seccomp filter forbids both. By its name no file can be truncated then, be
 * it one that the run may write to: what the name leads to no filter can see. ftruncate(2), and O_TRUNC with the right
 * to write, stay. */

#include <linux/filter.h>

#include "macro.h"

/* The instructions. */
const struct sock_filter *truncate_filter_get(size_t *ret_n);
