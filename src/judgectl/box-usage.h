/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What boxes use of the CPUs, from one look at them to the next. */

#include "json-util.h"
#include "time-util.h"

typedef struct BoxUsage {
        json_object *box; /* a BoxStatus, of the list's */
        const char *id;
        uint64_t owner, created_usec, cpu_usec; /* UINT64_MAX: not known */
        double cpu_percent; /* of one CPU; negative: not known */
} BoxUsage;

typedef struct BoxUsageList {
        json_object *boxes; /* referenced */
        usec_t time_usec;   /* CLOCK_MONOTONIC */
        BoxUsage *items;    /* by owner and id */
        const BoxUsage **by_cpu; /* the same, what uses most first */
        size_t n;
} BoxUsageList;

#define BOX_USAGE_LIST_NULL (BoxUsageList) {}

/* `boxes` as ListBoxes answers. The share of the CPU is that since `before`, and over its whole life for a box that
 * was not there then: realtime_usec is the present by the clock that its creation was told in. Returns 0 or
 * -ENOMEM. */
int box_usage_list_init(
                BoxUsageList *l,
                json_object *boxes,
                usec_t time_usec,
                usec_t realtime_usec,
                const BoxUsageList *before);
void box_usage_list_done(BoxUsageList *l);
