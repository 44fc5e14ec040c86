/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A copy whose source may keep whoever reads it waiting, made by a process of its own (worker.h), which is killed when it
 * gets nowhere. */

#include <stdint.h>

#include "time-util.h"

/* Processes at a time. */
#define SLOW_COPIES_MAX 4U

/* With nothing copied for so long it is given up. */
#define SLOW_COPY_STALL_NSEC (10 * NSEC_PER_SEC)

typedef struct SlowCopy SlowCopy;

/* Both descriptors stay the caller's: the target until the end, the source only for the call. At the deadline
 * (CLOCK_MONOTONIC) it is given up in any case. -EAGAIN: there are as many as there may be, or those given up do not
 * go away; to be tried again at SLOW_COPY_RETRY_NSEC from now at the latest. -ETIMEDOUT: the deadline is over. */
int slow_copy_start(int source_fd, int target_fd, uint64_t max_bytes, nsec_t deadline, SlowCopy **ret);

#define SLOW_COPY_RETRY_NSEC NSEC_PER_SEC

/* Gives it up if it is not at its end. */
SlowCopy *slow_copy_free(SlowCopy *c);

/* Readable at its end. */
int slow_copy_get_fd(const SlowCopy *c);

/* 1: it goes on; 0: done; -ETIMEDOUT: it gets nowhere; else what copy_begin() and copy_step() fail with. */
int slow_copy_advance(SlowCopy *c, nsec_t now);

/* When slow_copy_advance() wants to be called again at the latest. */
nsec_t slow_copy_next_check(const SlowCopy *c);
