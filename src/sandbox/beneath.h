/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* openat2(2) for paths that a tenant names in directories that a program fills: nothing above dir_fd, no
 * symbolic link anywhere in the path (-ELOOP), and with one_mount nothing mounted below dir_fd (-EXDEV).
 * An empty path is dir_fd itself, for directories. O_CLOEXEC and O_NOCTTY are added. */
int open_beneath(int dir_fd, const char *path, int flags, bool one_mount);
