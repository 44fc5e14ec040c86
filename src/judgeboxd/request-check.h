/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether what is asked for can be had, before anything is made: every value in its range, every descriptor of the
 * right kind, every path within the box. All transports check here, so all refuse alike; a refusal names the field
 * as org.judgebox.Manager has it, such as "limits.memoryBytes". */

#include "authority.h"
#include "failure.h"
#include "host-cpus.h"
#include "run.h"

/* Each returns 0, or FAILURE_INVALID_PARAMETER or FAILURE_LIMIT_OUT_OF_RANGE with f filled in. */
int check_settings(const BoxSettings *s, const char *prefix, const Caller *caller, const HostCpus *cpus, Failure *f);
int check_out_files(const RunRequest *q, Failure *f);
int check_run_request(const RunRequest *q, const HostCpus *cpus, Failure *f);

int check_box_id(const char *id, Failure *f);
int check_box_path(const char *path, const char *field, Failure *f);
