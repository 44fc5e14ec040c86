/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a tenant may have: as judgebox.conf(5) says, and where the admin has bounded the tenant's slice by other means, as
 * that says. Who asks for more in one request than the tenant may have in all needs org.judgebox1.exceed-limits. */

#include "cgroup.h"
#include "config.h"
#include "failure.h"

/* What the slice says counts instead of the file, which it was made from. */
void budget_apply_slice(Budget *b, const CgroupBudget *slice);

/* For the slice. */
CgroupBudget budget_to_cgroup(const Budget *b);

/* Each: 0, or FAILURE_LIMIT_OUT_OF_RANGE with the field and the budget. Only what is given is looked at. The prefix is
 * the field in which the limits are, such as "limits". */
int budget_check_limits(const Budget *b, const Limits *l, const char *prefix, Failure *f);
int budget_check_settings(const Budget *b, const BoxSettings *s, const char *prefix, Failure *f);

/* A default is no more than the budget: what nobody asked for is not refused. */
void budget_bound_defaults(const Budget *b, const Limits *defaults, BoxSettings *s);

/* Limits that are neither given nor among the box's settings become as high as can be. */
void budget_fill_limits(const Budget *b, const Limits *settings, Limits *l);

/* All that a box may store. */
uint64_t budget_get_storage(const BoxSettings *s);
