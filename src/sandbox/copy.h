/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* Copies a regular file from its start, without user space where the kernel can. -EINVAL for anything that is not
 * a regular file, -EFBIG if it holds more than max. */
int copy_file(int source_fd, int target_fd, uint64_t max_bytes);

/* The largest program that is copied for --exec-file=. */
#define COPY_EXECUTABLE_MAX (UINT64_C(256) << 20)

/* A sealed copy in memory that can be executed: whatever becomes of the original, this stays what it is. */
int copy_executable(int source_fd, int *ret_fd);
