/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What supervisor.c (the loop) and supervisor-request.c (what it is asked to do) have between them. */

#include "file-job.h"
#include "message.h"
#include "root.h"
#include "run.h"

/* Prepared and unfinished runs; judgeboxd keeps below it. */
#define RUNS_MAX 64U

/* Results that nobody has collected stay, so that a restarted judgeboxd finds them. */
#define RUNS_FINISHED_MAX 1024U

typedef struct Supervisor {
        int socket_fd;
        int signal_fd;
        bool configured;
        uint64_t storage_bytes;
        bool deny_tsc;
        bool dirty;  /* a run has left what it left in temporary directories */
        bool ipc_dirty;
        bool childless; /* not even a zombie is left */
        bool reaping;   /* there may be more to reap */
        Root root;
        TAILQ_HEAD(, Run) runs;
        size_t n_runs, n_finished;
        FileJobList jobs, slow_jobs;
        uint64_t last_run, n_executed;
} Supervisor;

static inline bool run_is_active(const Run *r) {
        return IN_SET(r->state, RUN_RUNNING, RUN_ENDING);
}

/* Whether any run has processes, or is about to. */
bool supervisor_has_active_run(const Supervisor *s);

void supervisor_forget_run(Supervisor *s, Run *r);

/* Does the next slice of the file job that had its turn longest ago. */
int supervisor_advance_jobs(Supervisor *s);

/* Receives a request, if there is one, and carries it out. */
int supervisor_receive(Supervisor *s);
