/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

#include "macro.h"

/* Copies a regular file from its start, without user space where the kernel can. The descriptors stay the caller's. */
typedef struct Copy {
        int source_fd, target_fd;
        uint64_t max_bytes;
        off_t offset;
} Copy;

/* -EINVAL for anything that is not a regular file. */
int copy_begin(int source_fd, int target_fd, uint64_t max_bytes, Copy *ret);

/* Copies a part: 1 if there may be more, 0 if that was all; -EFBIG if it is more than max. */
int copy_step(Copy *c);

/* The largest program that is copied for --exec-file=. */
#define COPY_EXECUTABLE_MAX (UINT64_C(256) << 20)

/* A sealed copy in memory that can be executed: whatever becomes of the original, this stays what it is. */
int copy_executable(int source_fd, int *ret_fd);
