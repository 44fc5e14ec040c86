/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A uid that asks, with what it has in hand. There from its first box or run to the end of its last. */

#include "budget.h"
#include "failure.h"
#include "hash.h"
#include "time-util.h"

typedef struct Manager Manager;

typedef struct Tenant {
        Manager *manager;
        uid_t uid;
        UT_hash_handle hh;
        size_t n_boxes;
        size_t n_runs;
        uint64_t storage_bytes; /* of its boxes: budget_get_storage() */
        CgroupBudget slice; /* as it was at slice_usec */
        usec_t slice_usec; /* CLOCK_MONOTONIC, 0: never */
        unsigned told; /* bit: BudgetType; that it was reached is in the journal already */
        size_t n_kept; /* runs whose results are kept: RUN_KEPT */
} Tenant;

/* Finds or makes it. */
int tenant_get(Manager *m, uid_t uid, Tenant **ret);

/* What the uid may have, every field set. What the admin changes of its slice is seen within a second. */
void tenant_get_budget(Manager *m, uid_t uid, Budget *ret);

/* How many runs may go on at a time; at least one. */
size_t tenant_get_running_max(const Tenant *t);

/* Counts one more, or refuses with FAILURE_QUOTA_EXCEEDED. */
int tenant_add_box(Tenant *t, const BoxSettings *settings, Failure *f);
int tenant_add_run(Tenant *t, Failure *f);

/* Counts one more that is there already, whatever the budget. */
void tenant_adopt_box(Tenant *t, const BoxSettings *settings);
void tenant_adopt_run(Tenant *t);

/* One less; the tenant itself goes with the last. */
void tenant_remove_box(Tenant *t, const BoxSettings *settings);
void tenant_remove_run(Tenant *t);

/* Drops it if nothing is left of it: after a tenant_get() that led to nothing. */
void tenant_put(Tenant *t);
