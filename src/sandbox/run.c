/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/time.h>

#include "fd-util.h"
#include "procs.h"
#include "run-internal.h"
#include "sample.h"

static const char *const run_state_table[_RUN_STATE_MAX] = {
        [RUN_PREPARED] = "prepared", [RUN_LOADING] = "loading",   [RUN_RUNNING] = "running",
        [RUN_ENDING] = "ending",     [RUN_FLUSHING] = "flushing", [RUN_FINISHED] = "finished",
};

DEFINE_STRING_TABLE_LOOKUP(run_state, RunState);

/* How long a reader may take for the last output of a run whose wall time is over. */
#define FLUSH_GRACE_NSEC (NSEC_PER_SEC)

/* The kernel accounts a running process at its ticks: looking more often than that tells nothing new. */
#define CPU_CHECK_MIN_NSEC (NSEC_PER_SEC / 1000)

/* CPU time below this in a look is taken for none: a sleeping program's own timers. */
#define IDLE_CPU_USEC ((usec_t) 500)

int run_new(uint64_t number, const int cgroup_fds[static _RUN_CGROUP_FD_MAX], Run **ret) {
        Run *r;

        r = new(Run, 1);
        if (!r)
                return -ENOMEM;

        *r = (Run) {
                .number = number,
                .outputs = { OUTPUT_NULL, OUTPUT_NULL },
                .listener_fd = -EBADF,
                .program_fd = -EBADF,
                .wall_deadline = NSEC_NEVER,
                .cpu_check = NSEC_NEVER,
                .idle_check = NSEC_NEVER,
                .sample_check = NSEC_NEVER,
                .flush_deadline = NSEC_NEVER,
        };
        run_spec_init(&r->spec);
        run_result_init(&r->result);
        memcpy(r->cgroup_fds, cgroup_fds, sizeof(r->cgroup_fds));

        *ret = r;
        return 0;
}

void run_release_cgroup(Run *r) {
        for (size_t i = 0; i < _RUN_CGROUP_FD_MAX; i++)
                r->cgroup_fds[i] = safe_close(r->cgroup_fds[i]);
}

/* All that somebody else could wait for. */
static void run_release(Run *r) {
        r->loading = slow_copy_free(r->loading);
        r->program_fd = safe_close(r->program_fd);
        run_spec_done(&r->spec);
        filter_done(&r->filter);
        r->listener_fd = safe_close(r->listener_fd);
        r->trace = trace_free(r->trace);

        /* Whoever reads the other end learns now that nothing more comes; what is to be collected stays. */
        for (size_t i = 0; i < ELEMENTSOF(r->outputs); i++)
                output_release(r->outputs + i);
}

Run *run_free(Run *r) {
        if (!r)
                return NULL;

        run_release_cgroup(r);
        run_release(r);
        for (size_t i = 0; i < ELEMENTSOF(r->outputs); i++)
                output_done(r->outputs + i);
        observed_done(&r->observed);

        return mfree(r);
}

void run_fail(Run *r, Verdict verdict, Step step, int error) {
        r->result.verdict = verdict;
        r->result.step = step;
        r->result.error = abs(error);
        r->result.degraded = r->spec.degraded;
        r->state = RUN_FINISHED;
        run_release(r);
}

static int run_cpu_usec(Run *r, usec_t *ret) {
        CpuStat stat;
        int q;

        q = cgroup_read_cpu_stat(r->cgroup_fds[RUN_CGROUP_CPU_STAT], &stat);
        if (q < 0)
                return q;
        if (stat.usage_usec == RESULT_UNKNOWN)
                return -ENODATA;

        *ret = usec_sub(stat.usage_usec, r->cpu_before_nsec / NSEC_PER_USEC);
        return 0;
}

static void signal_one(pid_t pid, void *userdata) {
        (void) kill(pid, SIGKILL);
}

/* cgroup.kill misses a process whose first thread has ended while others go on: it sends the signal to that thread alone,
 * which takes none any more (seen on Linux 6.18). kill() sends it to the process. What such a process forks between
 * the two is met again when that process is reaped. */
static void run_signal_all(Run *r) {
        (void) !write(r->cgroup_fds[RUN_CGROUP_KILL], "1", 1);
        (void) procs_for_each(r->cgroup_fds[RUN_CGROUP_PROCS], signal_one, NULL);
}

void run_kill(Run *r, RunCause cause) {
        if (r->state == RUN_LOADING) {
                run_fail(r, VERDICT_CANCELED, STEP_NONE, 0);
                return;
        }

        if (!IN_SET(r->state, RUN_RUNNING, RUN_ENDING, RUN_FLUSHING))
                return;

        if (r->state == RUN_FLUSHING) {
                /* It has ended by itself; only nobody wants to wait for its reader any more. */
                r->flush_deadline = 0;
                return;
        }

        /* Once the main process has ended, nothing that happens to the rest is a reason. */
        if (r->main_pid > 0) {
                r->causes |= cause;
                run_read_memory(r);
        }
        r->state = RUN_ENDING;
        run_signal_all(r);
}

static void rusage_add(struct rusage *sum, const struct rusage *u) {
        timeradd(&sum->ru_utime, &u->ru_utime, &sum->ru_utime);
        timeradd(&sum->ru_stime, &u->ru_stime, &sum->ru_stime);
        sum->ru_maxrss = MAX(sum->ru_maxrss, u->ru_maxrss);
        sum->ru_nvcsw += u->ru_nvcsw;
        sum->ru_nivcsw += u->ru_nivcsw;
}

void run_on_reaped(Run *r, pid_t pid, int status, const struct rusage *usage) {
        if (!IN_SET(r->state, RUN_RUNNING, RUN_ENDING))
                return;

        rusage_add(&r->usage, usage);

        if (pid == r->main_pid) {
                r->ended_nsec = now_nsec(CLOCK_MONOTONIC);
                r->main_status = status;
                r->main_pid = 0;
                r->state = RUN_ENDING;
                run_read_memory(r);
        }
}

/* No process is left. Where we have no child at all that is certain, and free. Where others' processes are
 * among our children the cgroup tells; one on its way out may be missing there already. */
static bool run_is_empty(Run *r, bool childless, bool alone) {
        char c;

        if (childless || alone)
                return childless;

        return pread(r->cgroup_fds[RUN_CGROUP_PROCS], &c, 1, 0) == 0;
}

static void run_check_cpu(Run *r, nsec_t now) {
        usec_t limit, used;

        limit = usec_add(r->spec.limits.values[LIMIT_CPU_TIME], r->spec.limits.values[LIMIT_EXTRA_TIME]);

        if (run_cpu_usec(r, &used) < 0) {
                r->cpu_check = now + CPU_CHECK_MIN_NSEC;
                return;
        }
        if (used > limit) {
                run_kill(r, RUN_CAUSE_CPU);
                return;
        }

        /* The earliest moment at which it can be over. */
        r->cpu_check = now + MAX((limit - used) * NSEC_PER_USEC / r->n_cpus, CPU_CHECK_MIN_NSEC);
}

/* What gets on without CPU time to speak of: output that was taken, and waiting for a disk. */
static uint64_t run_moved(const Run *r) {
        uint64_t moved = 0;
        usec_t waited;

        for (size_t i = 0; i < ELEMENTSOF(r->outputs); i++)
                moved += r->outputs[i].bytes;
        if (r->cgroup_fds[RUN_CGROUP_IO_PRESSURE] >= 0 &&
            cgroup_read_pressure(r->cgroup_fds[RUN_CGROUP_IO_PRESSURE], &waited) >= 0)
                moved += waited;

        return moved;
}

static void run_check_idle(Run *r, nsec_t now) {
        nsec_t limit = r->spec.limits.values[LIMIT_IDLE_TIME] * NSEC_PER_USEC;
        uint64_t moved = run_moved(r);
        usec_t used;
        bool busy;

        busy = run_cpu_usec(r, &used) >= 0 && used > r->idle_cpu_usec + IDLE_CPU_USEC;
        if (busy)
                r->idle_cpu_usec = used;

        if (busy || moved != r->idle_moved) {
                r->idle_moved = moved;
                r->idle_since_nsec = now;
        } else if (now >= r->idle_since_nsec + limit) {
                run_kill(r, RUN_CAUSE_IDLE);
                return;
        }

        r->idle_check = now + limit / IDLE_LOOKS;
}

static void run_check_memory(Run *r, nsec_t now) {
        uint64_t bytes, processes;

        if (sample_memory(r->cgroup_fds[RUN_CGROUP_PROCS], &bytes, &processes) >= 0) {
                r->sampled_peak_bytes = MAX(r->sampled_peak_bytes, bytes);
                if (bytes > r->spec.limits.values[LIMIT_MEMORY]) {
                        run_kill(r, RUN_CAUSE_MEMORY);
                        return;
                }
        }

        r->sample_check = now + SAMPLE_INTERVAL_USEC * NSEC_PER_USEC;
}

static void run_finish(Run *r) {
        run_fill_result(r);
        r->state = RUN_FINISHED;
        run_release(r);
}

void run_advance(Run *r, nsec_t now, bool childless, bool alone) {
        for (size_t i = 0; i < ELEMENTSOF(r->outputs); i++) {
                output_pump(r->outputs + i);

                /* What was within the limit has still to arrive. */
                if (r->outputs[i].exceeded && r->state != RUN_FLUSHING)
                        run_kill(r, RUN_CAUSE_OUTPUT);
        }

        run_handle_notices(r);

        if (r->state == RUN_RUNNING) {
                if (now >= r->wall_deadline)
                        run_kill(r, RUN_CAUSE_WALL);
                if (now >= r->cpu_check)
                        run_check_cpu(r, now);
                if (now >= r->idle_check)
                        run_check_idle(r, now);
                if (now >= r->sample_check)
                        run_check_memory(r, now);
        }

        if (r->state == RUN_ENDING && r->main_pid == 0) {
                if (!run_is_empty(r, childless, alone)) {
                        run_signal_all(r);
                        return;
                }

                /* A reader that the program could fill without end is waited for as long as the program itself
                 * could have run. */
                r->state = RUN_FLUSHING;
                r->flush_deadline = MIN(r->flush_deadline, MAX(r->wall_deadline, now + FLUSH_GRACE_NSEC));
        }

        if (r->state == RUN_FLUSHING) {
                bool pending = false;

                for (size_t i = 0; i < ELEMENTSOF(r->outputs); i++)
                        pending = pending || output_is_pending(r->outputs + i);

                if (!pending || now >= r->flush_deadline)
                        run_finish(r);
        }
}

nsec_t run_next_check(const Run *r) {
        nsec_t limits, looks;

        switch (r->state) {
        case RUN_LOADING:
                return r->loading ? slow_copy_next_check(r->loading)
                                  : now_nsec(CLOCK_MONOTONIC) + SLOW_COPY_RETRY_NSEC;
        case RUN_RUNNING:
                limits = MIN(r->wall_deadline, r->cpu_check);
                looks = MIN(r->idle_check, r->sample_check);
                return MIN(limits, looks);
        case RUN_FLUSHING:
                return r->flush_deadline;
        default:
                return NSEC_NEVER;
        }
}
