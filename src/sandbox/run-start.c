/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "copy.h"
#include "fd-util.h"
#include "files.h"
#include "landlock.h"
#include "parse-util.h"
#include "root-rules.h"
#include "run-internal.h"
#include "run-rules.h"
#include "sample.h"
#include "slow-close.h"
#include "spawn.h"

/* For a program that is slow to be had; judgeboxd waits for 30 s more than the wall limit. */
#define LOADING_NSEC (20 * NSEC_PER_SEC)

/* exec-failed is what the request can be blamed for; the rest is ours. */
static bool step_is_the_programs(Step s) {
        return IN_SET(s, STEP_EXEC, STEP_CHDIR, STEP_STDIN, STEP_STDOUT, STEP_STDERR, STEP_TERMINAL,
                      STEP_ALLOWED_PATH);
}

static void run_fail_at(Run *r, Step step, int error) {
        run_fail(r, step_is_the_programs(step) ? VERDICT_EXEC_FAILED : VERDICT_INTERNAL_ERROR, step, error);
}

/* A box's file as a stream: opened with the program's rights, never through a link. */
static int open_stream_path(const Root *root, const char *path, bool output) {
        uint64_t size;
        int fd, r;

        r = files_open(root, path, output ? FILE_CREATE : 0, &fd, &size);
        return r < 0 ? r : fd;
}

static int run_open_output(Run *r, const Root *root, size_t stream, int *ret_child_fd) {
        StreamSpec *s = r->spec.streams + stream;
        const uint64_t *v = r->spec.limits.values;
        int target, q;

        switch (s->type) {
        case STREAM_NULL:
                target = open("/dev/null", O_WRONLY | O_CLOEXEC);
                break;
        case STREAM_FD:
                target = TAKE_FD(s->fd);
                break;
        case STREAM_PATH:
                target = open_stream_path(root, s->path, /* output= */ true);
                break;
        default:
                target = -EBADF;
        }
        if (target < 0 && s->type != STREAM_CAPTURE)
                return target == -1 ? -errno : target;

        q = output_open(r->outputs + stream - 1, target, s->type == STREAM_CAPTURE,
                        v[LIMIT_OUTPUT], v[LIMIT_FILE_SIZE], ret_child_fd);
        if (q < 0 || s->record_bytes == 0)
                return q;

        return output_record(r->outputs + stream - 1, s->record_bytes);
}

static int run_open_input(Run *r, const Root *root) {
        StreamSpec *s = r->spec.streams;

        switch (s->type) {
        case STREAM_NULL:
                return RET_NERRNO(open("/dev/null", O_RDONLY | O_CLOEXEC));
        case STREAM_FD:
                return TAKE_FD(s->fd);
        case STREAM_PATH:
                return open_stream_path(root, s->path, /* output= */ false);
        default:
                return -EINVAL;
        }
}

static int run_open_streams(Run *r, const Root *root, int stdio[static 3], Step *ret_step) {
        int q;

        *ret_step = STEP_STDIN;
        stdio[0] = run_open_input(r, root);
        if (stdio[0] < 0)
                return stdio[0];

        *ret_step = STEP_STDOUT;
        q = run_open_output(r, root, 1, stdio + 1);
        if (q < 0)
                return q;

        *ret_step = STEP_STDERR;
        if (r->spec.streams[2].type == STREAM_STDOUT) {
                stdio[2] = fd_duplicate(stdio[1]);
                return MIN(stdio[2], 0);
        }

        return run_open_output(r, root, 2, stdio + 2);
}

/* Those that a caller handed over; what is the box's own has its rules. */
static int run_make_ruleset(const Run *r, const Root *root, const int stdio[static 3], int *ret_fd) {
        int fds[3 + RUN_EXTRA_FDS_MAX];
        size_t n = 0;

        for (size_t i = 0; i < 3; i++)
                if (r->spec.streams[i].type == STREAM_FD)
                        fds[n++] = stdio[i];
        for (size_t i = 0; i < r->spec.n_extra_fds; i++)
                fds[n++] = r->spec.extra_fds[i];

        return root_rules_with(root, fds, n, ret_fd);
}

/* What it may do with paths, where that was said. All that it has open it may open by name again, so that /dev/stdin
 * works; but not execute. */
static int run_make_path_rules(Run *r, const Root *root, const int stdio[static 3], int *ret_fd, Step *ret_step) {
        _cleanup_close_ int fd = -EBADF;
        int q;

        if (r->spec.allowed_paths.n == 0)
                return 0;

        *ret_step = STEP_LANDLOCK;
        q = run_rules_new(root, &fd);
        for (size_t i = 0; i < 3 && q >= 0; i++)
                q = run_rules_add_descriptor(fd, stdio[i]);
        for (size_t i = 0; i < r->spec.n_extra_fds && q >= 0; i++)
                q = run_rules_add_descriptor(fd, r->spec.extra_fds[i]);
        if (q < 0)
                return q;

        *ret_step = STEP_ALLOWED_PATH;
        for (size_t i = 0; i < r->spec.allowed_paths.n; i++) {
                const PathRule *rule = r->spec.allowed_paths.rules + i;

                q = run_rules_add(fd, root, rule);
                if (q < 0) {
                        r->observed.path = strdup(rule->path);
                        return q;
                }
        }

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Without a cpuset controller the set becomes the processes' affinity; a number of CPUs becomes so many of those
 * that we may use ourselves. */
static int degraded_affinity(const RunSpec *s, const cpu_set_t *ours, cpu_set_t *ret) {
        uint64_t wanted = s->limits.values[LIMIT_CPUS];
        unsigned n = 0;
        int r;

        *ret = *ours;

        if (s->limits.cpu_set && FLAGS_SET(s->degraded, DEGRADED_CPU_SET)) {
                cpu_set_t asked;

                r = parse_cpu_set(s->limits.cpu_set, &asked);
                if (r < 0)
                        return r;
                CPU_AND(ret, ours, &asked);
        }

        if (FLAGS_SET(s->degraded, DEGRADED_CPUS))
                for (size_t i = 0; i < CPU_SETSIZE; i++)
                        if (CPU_ISSET(i, ret) && ++n > wanted)
                                CPU_CLR(i, ret);

        return CPU_COUNT(ret) > 0 ? 0 : -EINVAL;
}

/* RLIMIT_AS behind the sampling: far enough above the limit to leave a runtime its reservations, near enough to
 * stop a process that fills memory between two samples. */
static uint64_t degraded_address_space(const RunSpec *s) {
        uint64_t memory = s->limits.values[LIMIT_MEMORY];

        if (!FLAGS_SET(s->degraded, DEGRADED_MEMORY) || memory == LIMIT_NONE)
                return LIMIT_NONE;

        return MAX(2 * memory, memory + (UINT64_C(1) << 30));
}

static int run_prepare_filter(Run *r) {
        int q;

        if (r->spec.filter_fd < 0)
                return 0;

        q = filter_read(r->spec.filter_fd, &r->filter);
        if (q < 0)
                return q;

        return r->spec.trace ? trace_new(&r->trace) : 0;
}

static void run_arm(Run *r, const cpu_set_t *affinity) {
        const uint64_t *v = r->spec.limits.values;
        usec_t cpu = usec_add(v[LIMIT_CPU_TIME], v[LIMIT_EXTRA_TIME]);

        r->n_cpus = (unsigned) MIN((uint64_t) CPU_COUNT(affinity), v[LIMIT_CPUS]);
        if (r->spec.limits.cpu_set) {
                unsigned n;

                if (parse_cpu_list(r->spec.limits.cpu_set, &n) >= 0)
                        r->n_cpus = MIN(r->n_cpus, n);
        }
        r->n_cpus = MAX(r->n_cpus, 1U);

        r->wall_deadline = r->started_nsec + v[LIMIT_WALL_TIME] * NSEC_PER_USEC;
        r->cpu_check = r->started_nsec + cpu * NSEC_PER_USEC / r->n_cpus;

        if (v[LIMIT_IDLE_TIME] != LIMIT_NONE) {
                r->idle_since_nsec = r->started_nsec;
                r->idle_check = r->started_nsec + v[LIMIT_IDLE_TIME] * NSEC_PER_USEC / IDLE_LOOKS;
        }

        if (FLAGS_SET(r->spec.degraded, DEGRADED_MEMORY) && v[LIMIT_MEMORY] != LIMIT_NONE)
                r->sample_check = r->started_nsec + SAMPLE_INTERVAL_USEC * NSEC_PER_USEC;
}

/* The copy is complete: what is executed is what it is now. */
static int run_seal_program(Run *r) {
        int fd;

        fd = executable_seal(r->program_fd);
        if (fd < 0)
                return fd;

        r->program_fd = safe_close(r->program_fd);
        (void) safe_close(r->spec.exec_fd);
        r->spec.exec_fd = fd;
        return 0;
}

/* 1: it is being copied. */
static int run_copy_program(Run *r) {
        int q;

        if (r->spec.exec_fd < 0)
                return 0;

        q = executable_new(&r->program_fd);
        if (q < 0)
                return q;

        if (slow_close_is_marked(r->spec.exec_fd))
                return 1;

        q = executable_copy(r->spec.exec_fd, r->program_fd);
        return q < 0 ? q : run_seal_program(r);
}

static void run_launch(Run *r) {
        _cleanup_close_ int ruleset_fd = -EBADF, run_ruleset_fd = -EBADF;
        const Root *root = r->root;
        bool limited_cpus, direct;
        int stdio[3] = { -EBADF, -EBADF, -EBADF }, q;
        cpu_set_t ours, affinity;
        SpawnReport report;
        Step step;

        q = run_open_streams(r, root, stdio, &step);
        if (q < 0) {
                run_fail(r, VERDICT_EXEC_FAILED, step, q);
                goto finish;
        }

        if (sched_getaffinity(0, sizeof(ours), &ours) < 0) {
                run_fail(r, VERDICT_INTERNAL_ERROR, STEP_AFFINITY, errno);
                goto finish;
        }
        affinity = ours;

        limited_cpus = (r->spec.limits.cpu_set && FLAGS_SET(r->spec.degraded, DEGRADED_CPU_SET)) ||
                       (r->spec.limits.values[LIMIT_CPUS] != LIMIT_NONE && FLAGS_SET(r->spec.degraded, DEGRADED_CPUS));
        if (limited_cpus) {
                q = degraded_affinity(&r->spec, &ours, &affinity);
                if (q < 0) {
                        run_fail(r, VERDICT_INTERNAL_ERROR, STEP_AFFINITY, q);
                        goto finish;
                }
        }

        q = run_make_ruleset(r, root, stdio, &ruleset_fd);
        if (q < 0) {
                run_fail(r, VERDICT_INTERNAL_ERROR, STEP_LANDLOCK, q);
                goto finish;
        }

        q = run_make_path_rules(r, root, stdio, &run_ruleset_fd, &step);
        if (q < 0) {
                run_fail_at(r, step, q);
                goto finish;
        }

        q = run_prepare_filter(r);
        if (q < 0) {
                run_fail(r, VERDICT_INTERNAL_ERROR, STEP_SECCOMP, q);
                goto finish;
        }

        direct = r->outputs[0].state == OUTPUT_DIRECT || r->outputs[1].state == OUTPUT_DIRECT;

        q = spawn(&(SpawnRequest) {
                          .spec = &r->spec,
                          .stdio = { stdio[0], stdio[1], stdio[2] },
                          .cgroup_fd = r->cgroup_fds[RUN_CGROUP_DIR],
                          .address_space_bytes = MIN(degraded_address_space(&r->spec),
                                                     r->spec.limits.values[LIMIT_ADDRESS_SPACE]),
                          .file_size_bytes = r->spec.limits.values[LIMIT_FILE_SIZE] + direct,
                          .ruleset_fd = ruleset_fd >= 0 ? ruleset_fd : root->ruleset_fd,
                          .run_ruleset_fd = run_ruleset_fd,
                          .deny_tsc = r->deny_tsc,
                          .limit_processes = FLAGS_SET(r->spec.degraded, DEGRADED_PROCESSES),
                          .affinity = limited_cpus ? &affinity : NULL,
                          .forbid_set_id = layout_has_writable_bind(&root->layout),
                          .forbid_truncate = run_ruleset_fd >= 0 && !landlock_guards_truncation(),
                          .filter = &r->filter,
                  },
                  &report);
        if (q < 0 || report.error != 0) {
                run_fail_at(r, report.step, report.error);
                goto finish;
        }

        r->main_pid = report.pid;
        r->started_nsec = report.started_nsec;
        r->cpu_before_nsec = report.cpu_before_nsec;
        r->listener_fd = report.listener_fd;
        r->filter_muted = report.muted;
        if (report.muted)
                r->trace = trace_free(r->trace);
        r->state = RUN_RUNNING;
        run_arm(r, &affinity);

finish:
        close_many(stdio, ELEMENTSOF(stdio));
}

void run_load(Run *r, nsec_t now) {
        int q;

        assert(r->state == RUN_LOADING);

        if (r->loading)
                q = slow_copy_advance(r->loading, now);
        else {
                q = slow_copy_start(r->spec.exec_fd, r->program_fd, EXECUTABLE_MAX, r->loading_deadline, &r->loading);
                if (IN_SET(q, 0, -EAGAIN))
                        q = 1;

                /* It has one of its own. A program that is started meanwhile must not have to close ours. */
                if (r->loading)
                        r->spec.exec_fd = safe_close(r->spec.exec_fd);
        }
        if (q > 0)
                return;

        r->loading = slow_copy_free(r->loading);
        if (q == 0)
                q = run_seal_program(r);
        if (q < 0)
                run_fail(r, VERDICT_EXEC_FAILED, STEP_EXEC, q);
        else
                run_launch(r);
}

void run_start(Run *r, const Root *root, bool deny_tsc, RunSpec *spec) {
        int q;

        assert(r->state == RUN_PREPARED);

        r->spec = *spec;
        run_spec_init(spec);

        (void) snprintf(r->program, sizeof(r->program), "%s", r->spec.argv[0]);
        memcpy(r->limits, r->spec.limits.values, sizeof(r->limits));
        r->keep = r->spec.keep;
        if (r->spec.limits.cpu_set)
                (void) parse_cpu_set(r->spec.limits.cpu_set, &r->cpus);
        r->root = root;
        r->deny_tsc = deny_tsc;

        q = run_copy_program(r);
        if (q < 0)
                run_fail(r, VERDICT_EXEC_FAILED, STEP_EXEC, q);
        else if (q == 0)
                run_launch(r);
        else {
                r->loading_deadline = now_nsec(CLOCK_MONOTONIC) + LOADING_NSEC;
                r->state = RUN_LOADING;
        }
}
