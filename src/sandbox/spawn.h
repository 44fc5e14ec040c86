/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "filter.h"
#include "spec.h"

typedef struct SpawnRequest {
        const RunSpec *spec;
        int stdio[3];  /* what becomes 0, 1 and 2 */
        int cgroup_fd; /* the run's cgroup, with its limits set */
        uint64_t address_space_bytes; /* RLIMIT_AS, or LIMIT_NONE */
        uint64_t file_size_bytes;     /* RLIMIT_FSIZE */
        int ruleset_fd;               /* of landlock.h, or -EBADF: the box's */
        int run_ruleset_fd;           /* likewise: what the run itself is held to beyond that */
        bool deny_tsc;
        bool limit_processes;         /* RLIMIT_NPROC, where no cgroup counts them */
        const cpu_set_t *affinity;    /* or NULL */
        bool forbid_set_id;           /* set-id-filter.h */
        bool forbid_truncate;         /* truncate-filter.h */
        Filter *filter; /* perhaps empty; muted where nobody can listen */
} SpawnRequest;

typedef struct SpawnReport {
        pid_t pid;
        nsec_t started_nsec;    /* CLOCK_MONOTONIC, right before execve() */
        nsec_t cpu_before_nsec; /* what our own preparations in the child took */
        int listener_fd; /* of the filter, the caller's; or -EBADF */
        bool muted;      /* the filter was to have a listener, and has none */
        Step step;              /* where it failed */
        int error;              /* positive errno, 0 if the program runs */
} SpawnReport;

/* Clones a child into the cgroup and executes the program in it, as BOX_UID, without privileges. Returns when
 * the program runs or the attempt has failed (then the child is reaped already). A negative errno: no child was
 * made at all; ret is written in every case. */
int spawn(const SpawnRequest *q, SpawnReport *ret);
