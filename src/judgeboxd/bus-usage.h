/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the calls of one uid's clients, which have not been answered yet, make us hold. The bus lets a user wait for
 * thousands of replies, and so many runs may well wait for their turn: for those the queue has its bounds (QueueMax=,
 * RunsMax=), and here it is their size that counts. Of all else there is only so much at a time. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define BUS_USAGE_CALLS_MAX 256U /* but for runs */
#define BUS_USAGE_FDS_MAX 4096U
#define BUS_USAGE_BYTES_MAX (64U * 1024U * 1024U)

/* What any call takes beside the bytes that came with it. */
#define BUS_USAGE_CALL_BYTES 4096U

/* Of one uid; there while it has calls. A table of them begins as NULL, and is NULL again when all are gone. */
typedef struct BusUsage BusUsage;

typedef struct BusCost {
        bool run;
        size_t n_fds, n_bytes;
} BusCost;

/* What there may be at the most, for a sentence: 64, "MiB of calls". */
typedef struct BusBound {
        unsigned max;
        const char *of;
} BusBound;

/* 1: it is counted; 0: it would be too much, and ret_bound says of what; -ENOMEM. */
int bus_usage_add(BusUsage **table, uid_t uid, const BusCost *cost, BusBound *ret_bound);
void bus_usage_remove(BusUsage **table, uid_t uid, const BusCost *cost);
