/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "spec.h"

/* For PID 1 of the box, before it does anything: what every program of the box inherits (no new privileges, an
 * empty bounding set, no supplementary groups, no core dumps) and what protects judgebox-init itself from them
 * (not dumpable, so that its /proc files are closed and nobody may trace it). */
int privileges_setup(Step *ret_step);

/* Once the root stands: gives up every capability (in the box's own user namespace; there is none outside it) that
 * spawning, killing and cleaning up do not need. */
int privileges_reduce(void);
