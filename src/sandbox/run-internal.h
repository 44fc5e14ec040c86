/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between run.c (the states), run-start.c (up to execve) and run-result.c (what it all meant). */

#include "run.h"

/* Into how many looks the idle limit is cut: it is exact to this part of itself. */
#define IDLE_LOOKS 8U

/* Remembers what memory is charged for, while something is. */
void run_read_memory(Run *r);

/* Answers the calls that the run's filter reports, or ends the run because of one. */
void run_handle_notices(Run *r);

/* Reads the evidence of a run that has no process left, and decides the verdict. */
void run_fill_result(Run *r);
