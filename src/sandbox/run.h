/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One run in the box: from a prepared cgroup to a result that waits to be collected.
 *
 *   PREPARED   its cgroup is there
 *   LOADING    a copy is made of the program that it is to execute, which may take its time (slow-copy.h)
 *   RUNNING    the main process runs
 *   ENDING     the main process is gone or condemned; what is left of the run is being killed and reaped
 *   FLUSHING   no process is left; a slow reader still takes the last output
 *   FINISHED   the result is complete
 */

#include <sched.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include "cgroup-read.h"
#include "filter.h"
#include "message.h"
#include "output.h"
#include "root.h"
#include "slow-copy.h"
#include "spec.h"
#include "trace.h"

typedef enum RunState {
        RUN_PREPARED,
        RUN_LOADING,
        RUN_RUNNING,
        RUN_ENDING,
        RUN_FLUSHING,
        RUN_FINISHED,
        _RUN_STATE_MAX,
        _RUN_STATE_INVALID = -EINVAL,
} RunState;

const char *run_state_to_string(RunState s);
RunState run_state_from_string(const char *s);

/* Why it was ended before its time; bits. */
typedef enum RunCause {
        RUN_CAUSE_MEMORY = 1 << 0,
        RUN_CAUSE_CPU = 1 << 1,
        RUN_CAUSE_WALL = 1 << 2,
        RUN_CAUSE_IDLE = 1 << 3,
        RUN_CAUSE_OUTPUT = 1 << 4,
        RUN_CAUSE_CANCELED = 1 << 5,
        RUN_CAUSE_VIOLATION = 1 << 6,
        RUN_CAUSE_NO_MEMORY = 1 << 7, /* it had to end though it was within its limit */
} RunCause;

typedef struct Run {
        uint64_t number;
        uint32_t serial; /* of the EXECUTE that is to be answered */
        RunState state;
        bool reported; /* FINISHED was sent */

        int cgroup_fds[_RUN_CGROUP_FD_MAX];
        RunSpec spec;

        /* For MESSAGE_RUNS, where the specification is gone. */
        char program[MESSAGE_PROGRAM_MAX];
        uint64_t limits[_LIMIT_TYPE_MAX];
        bool keep;

        cpu_set_t cpus;
        const Root *root;
        bool deny_tsc;

        int program_fd; /* LOADING: the copy */
        SlowCopy *loading; /* once it has its turn */
        nsec_t loading_deadline;

        Output outputs[2];

        Filter filter;
        int listener_fd; /* of the filter, while it reports something */
        bool listener_ready; /* the loop saw that it does, or that nobody is left to report on */
        bool filter_muted;
        Trace *trace;

        pid_t main_pid;
        int main_status;
        RunCause causes;
        struct rusage usage; /* of all processes reaped */

        nsec_t started_nsec, ended_nsec, cpu_before_nsec;
        unsigned n_cpus; /* that it can use at a time */

        /* When to look next, CLOCK_MONOTONIC; NSEC_NEVER: not at all. */
        nsec_t wall_deadline, cpu_check, idle_check, sample_check, flush_deadline;
        usec_t idle_cpu_usec;    /* CPU time at the last look that saw it move */
        uint64_t idle_moved;     /* likewise: output, and waiting for I/O */
        nsec_t idle_since_nsec;
        uint64_t sampled_peak_bytes;

        RunResult result;
        Observed observed;
        TAILQ_ENTRY(Run) runs;
} Run;

#define NSEC_NEVER UINT64_MAX

/* cgroup_fds are taken over. */
int run_new(uint64_t number, const int cgroup_fds[static _RUN_CGROUP_FD_MAX], Run **ret);
Run *run_free(Run *r);
DEFINE_TRIVIAL_CLEANUP_FUNC(Run *, run_free);

/* Takes the specification over and starts the program, with or without the timestamp counter; the run may be LOADING
 * first. Whatever goes wrong is in the result: the run is FINISHED then. */
void run_start(Run *r, const Root *root, bool deny_tsc, RunSpec *spec);

/* Goes on with one that is LOADING. */
void run_load(Run *r, nsec_t now);

/* FINISHED, before the program ran. error: either sign. */
void run_fail(Run *r, Verdict verdict, Step step, int error);

/* Of a finished run, closes its cgroup's files, which nobody waits for: so that can be done once it is reported. */
void run_release_cgroup(Run *r);

/* Ends it; the verdict tells the cause unless a stronger one applies. */
void run_kill(Run *r, RunCause cause);

/* A process of the run, or one that might be, was reaped. */
void run_on_reaped(Run *r, pid_t pid, int status, const struct rusage *usage);

/* Moves output, looks at the limits that are due, and finishes if nothing is left. childless: judgebox-init has no
 * child, not even a zombie; alone: no other run has processes. */
void run_advance(Run *r, nsec_t now, bool childless, bool alone);

/* When run_advance() wants to be called again at the latest. */
nsec_t run_next_check(const Run *r);
