/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/wait.h>

#include "run-internal.h"

/* What this kernel, or a host without the controller, does not tell stays unknown. */
static void read_number(const Run *r, RunCgroupFd which, const char *key, uint64_t *value) {
        int fd = r->cgroup_fds[which];

        if (fd < 0)
                return;

        if (key)
                (void) cgroup_read_key(fd, key, value);
        else
                (void) cgroup_read_uint64(fd, value);
}

void run_read_memory(Run *r) {
        RunResult *e = &r->result;
        MemoryStat stat;

        if (r->cgroup_fds[RUN_CGROUP_MEMORY_STAT] < 0 || e->memory_shmem_bytes != RESULT_UNKNOWN ||
            cgroup_read_memory_stat(r->cgroup_fds[RUN_CGROUP_MEMORY_STAT], &stat) < 0)
                return;

        /* Once it has ended, its memory is given back; files stay charged. */
        if (r->main_pid > 0)
                e->memory_anon_bytes = stat.anon_bytes;
        e->memory_file_bytes = stat.file_bytes;
        e->memory_shmem_bytes = stat.shmem_bytes;
}

/* The kernel counts as killed here whoever it kills for lack of memory, also where it is the machine that has no more, or
 * the tenant. Then the run's own limit was never reached; where that is not known it is taken for the reason. */
static bool run_reached_its_memory_limit(const Run *r) {
        uint64_t reached = RESULT_UNKNOWN, failed = RESULT_UNKNOWN;

        read_number(r, RUN_CGROUP_MEMORY_EVENTS, "max", &reached);
        read_number(r, RUN_CGROUP_MEMORY_EVENTS, "oom", &failed);
        return reached != 0 || failed != 0;
}

static void run_read_evidence(Run *r) {
        RunResult *e = &r->result;
        CpuStat stat;

        if (cgroup_read_cpu_stat(r->cgroup_fds[RUN_CGROUP_CPU_STAT], &stat) >= 0) {
                usec_t ours = r->cpu_before_nsec / NSEC_PER_USEC;

                if (stat.usage_usec != RESULT_UNKNOWN)
                        e->cpu_usec = usec_sub(stat.usage_usec, ours);
                e->user_usec = stat.user_usec;
                /* What the child did before execve() was system calls. */
                if (stat.system_usec != RESULT_UNKNOWN)
                        e->system_usec = usec_sub(stat.system_usec, ours);
                e->throttled_usec = stat.throttled_usec;
        }

        e->wall_usec = (r->ended_nsec - r->started_nsec) / NSEC_PER_USEC;
        e->max_rss_bytes = (uint64_t) r->usage.ru_maxrss * 1024;
        e->voluntary_switches = (uint64_t) r->usage.ru_nvcsw;
        e->forced_switches = (uint64_t) r->usage.ru_nivcsw;

        if (r->cgroup_fds[RUN_CGROUP_CPU_PRESSURE] >= 0)
                (void) cgroup_read_pressure(r->cgroup_fds[RUN_CGROUP_CPU_PRESSURE], &e->cpu_pressure_usec);
        (void) root_usage(r->root, &e->storage_bytes, &e->inodes);

        read_number(r, RUN_CGROUP_MEMORY_PEAK, NULL, &e->memory_peak_bytes);
        read_number(r, RUN_CGROUP_MEMORY_EVENTS, "oom_kill", &e->oom_kills);
        read_number(r, RUN_CGROUP_PIDS_PEAK, NULL, &e->processes_peak);
        read_number(r, RUN_CGROUP_PIDS_EVENTS, "max", &e->process_limit_hits);

        if (FLAGS_SET(r->spec.degraded, DEGRADED_MEMORY)) {
                e->memory_peak_bytes = MAX(r->sampled_peak_bytes, e->max_rss_bytes);
                if (e->memory_peak_bytes > r->spec.limits.values[LIMIT_MEMORY])
                        r->causes |= RUN_CAUSE_MEMORY;
        } else if (e->oom_kills != RESULT_UNKNOWN && e->oom_kills > 0)
                r->causes |= run_reached_its_memory_limit(r) ? RUN_CAUSE_MEMORY : RUN_CAUSE_NO_MEMORY;
}

/* SIGXFSZ is how the kernel refuses to let a file grow; a program that ends by it wrote too much. */
static bool killed_by_file_size(const Run *r) {
        return WIFSIGNALED(r->main_status) && WTERMSIG(r->main_status) == SIGXFSZ;
}

/* Where nobody could listen the kernel kills, and a program that sends itself that signal looks the same. */
static bool killed_by_filter(const Run *r) {
        return r->filter_muted && WIFSIGNALED(r->main_status) && WTERMSIG(r->main_status) == SIGSYS;
}

static Verdict run_decide(Run *r) {
        const uint64_t *v = r->spec.limits.values;
        RunResult *e = &r->result;

        if (FLAGS_SET(r->causes, RUN_CAUSE_NO_MEMORY)) {
                e->step = STEP_CGROUP;
                e->error = ENOMEM;
                return VERDICT_INTERNAL_ERROR;
        }
        if (FLAGS_SET(r->causes, RUN_CAUSE_VIOLATION) || killed_by_filter(r))
                return VERDICT_SECURITY_VIOLATION;
        if (FLAGS_SET(r->causes, RUN_CAUSE_MEMORY))
                return VERDICT_MEMORY_LIMIT;
        if (FLAGS_SET(r->causes, RUN_CAUSE_CPU) || (e->cpu_usec != RESULT_UNKNOWN && e->cpu_usec > v[LIMIT_CPU_TIME]))
                return VERDICT_CPU_TIME_LIMIT;
        if (FLAGS_SET(r->causes, RUN_CAUSE_WALL) || e->wall_usec > v[LIMIT_WALL_TIME])
                return VERDICT_WALL_TIME_LIMIT;
        if (FLAGS_SET(r->causes, RUN_CAUSE_IDLE))
                return VERDICT_IDLE_LIMIT;

        for (int i = 0; i < 2; i++)
                if (r->outputs[i].exceeded) {
                        e->output_stream = i + 1;
                        return VERDICT_OUTPUT_LIMIT;
                }
        if (killed_by_file_size(r))
                return VERDICT_OUTPUT_LIMIT;

        if (FLAGS_SET(r->causes, RUN_CAUSE_CANCELED))
                return VERDICT_CANCELED;
        if (WIFSIGNALED(r->main_status))
                return VERDICT_SIGNALED;

        return WEXITSTATUS(r->main_status) != 0 ? VERDICT_RUNTIME_ERROR : VERDICT_OK;
}

void run_fill_result(Run *r) {
        RunResult *e = &r->result;

        if (WIFEXITED(r->main_status))
                e->exit_status = WEXITSTATUS(r->main_status);
        else if (WIFSIGNALED(r->main_status))
                e->signal = WTERMSIG(r->main_status);

        e->stdout_bytes = output_finish(r->outputs);
        e->stderr_bytes = output_finish(r->outputs + 1);
        e->degraded = r->spec.degraded;
        run_read_evidence(r);
        e->verdict = run_decide(r);
        if (r->trace)
                trace_take(r->trace, &r->observed);
}
