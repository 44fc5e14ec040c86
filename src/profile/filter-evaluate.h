/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a filter answers to a system call, without asking the kernel.
 *
 * SECCOMP_RET_DATA of a SECCOMP_RET_USER_NOTIF goes nowhere (struct seccomp_notif has no place for it), so the
 * filter is evaluated anew on the call that was caught, to learn of its FilterNotice (path-call.h). */

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "macro.h"

/* Returns the filter's SECCOMP_RET_* value. A program that the kernel would not take (an instruction that seccomp
 * does not know, a jump or a load out of bounds) yields SECCOMP_RET_KILL_PROCESS. */
uint32_t filter_evaluate(const struct sock_filter *filter, size_t n, const struct seccomp_data *call);
