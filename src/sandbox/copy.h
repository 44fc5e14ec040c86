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

/* A copy in memory for --exec-file=, which can be executed once it is sealed: whatever becomes of the original, this stays
 * what it is. executable_seal() returns the descriptor to execute; the other one must be closed by then. */
#define EXECUTABLE_MAX (UINT64_C(256) << 20)

int executable_new(int *ret_fd);
int executable_copy(int source_fd, int target_fd);
int executable_seal(int fd);
