/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <unistd.h>

#include "fd-util.h"
#include "parse-util.h"
#include "spec.h"

static const char *const limit_type_table[_LIMIT_TYPE_MAX] = {
        [LIMIT_CPU_TIME] = "cpuTimeUSec",
        [LIMIT_EXTRA_TIME] = "extraTimeUSec",
        [LIMIT_WALL_TIME] = "wallTimeUSec",
        [LIMIT_IDLE_TIME] = "idleTimeUSec",
        [LIMIT_MEMORY] = "memoryBytes",
        [LIMIT_PROCESSES] = "processes",
        [LIMIT_STACK] = "stackBytes",
        [LIMIT_FILE_SIZE] = "fileSizeBytes",
        [LIMIT_OUTPUT] = "outputBytes",
        [LIMIT_OPEN_FILES] = "openFiles",
        [LIMIT_CORE] = "coreBytes",
        [LIMIT_CPUS] = "cpus",
        [LIMIT_ADDRESS_SPACE] = "addressSpaceBytes",
        [LIMIT_CPU_PERCENT] = "cpuPercent",
};

DEFINE_STRING_TABLE_LOOKUP(limit_type, LimitType);

#define TIME_MAX (24 * 3600 * USEC_PER_SEC)
#define BYTES_MAX (UINT64_C(1) << 50)

/* A program cannot start in less than a few pages, nor run in no time; the upper ends only keep sums and
 * kernel interfaces from overflowing. */
static const struct {
        uint64_t min, max, preset;
} limit_table[_LIMIT_TYPE_MAX] = {
        [LIMIT_CPU_TIME] = { 1, TIME_MAX, 10 * USEC_PER_SEC },
        [LIMIT_EXTRA_TIME] = { 0, TIME_MAX, 0 },
        [LIMIT_WALL_TIME] = { 1, TIME_MAX, LIMIT_NONE },
        [LIMIT_IDLE_TIME] = { 1000, TIME_MAX, LIMIT_NONE },
        [LIMIT_MEMORY] = { 64 << 10, BYTES_MAX, 256 << 20 },
        [LIMIT_PROCESSES] = { 1, 1 << 22, 64 },
        [LIMIT_STACK] = { 16 << 10, BYTES_MAX, 8 << 20 },
        [LIMIT_FILE_SIZE] = { 0, BYTES_MAX, 64 << 20 },
        [LIMIT_OUTPUT] = { 0, BYTES_MAX, 64 << 20 },
        [LIMIT_OPEN_FILES] = { 3, 1 << 20, 1024 },
        [LIMIT_CORE] = { 0, BYTES_MAX, 0 },
        [LIMIT_CPUS] = { 1, 8192, LIMIT_NONE },
        [LIMIT_ADDRESS_SPACE] = { 64 << 10, BYTES_MAX, LIMIT_NONE },
        [LIMIT_CPU_PERCENT] = { 1, 8192 * 100, LIMIT_NONE },
};

void limit_range(LimitType t, uint64_t *ret_min, uint64_t *ret_max) {
        assert(t >= 0 && t < _LIMIT_TYPE_MAX);
        assert(ret_min);
        assert(ret_max);

        *ret_min = limit_table[t].min;
        *ret_max = limit_table[t].max;
}

void limits_done(Limits *l) {
        assert(l);

        l->cpu_set = mfree(l->cpu_set);
        l->set = 0;
}

int limits_copy(const Limits *l, Limits *ret) {
        Limits copy = *l;

        if (l->cpu_set) {
                copy.cpu_set = strdup(l->cpu_set);
                if (!copy.cpu_set)
                        return -ENOMEM;
        }

        *ret = copy;
        return 0;
}

int limits_inherit(Limits *l, const Limits *defaults) {
        assert(l);
        assert(defaults);

        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++)
                if (!limits_has(l, t) && limits_has(defaults, t))
                        limits_set(l, t, defaults->values[t]);

        if (!l->cpu_set && defaults->cpu_set)
                return free_and_strdup(&l->cpu_set, defaults->cpu_set);

        return 0;
}

int limits_apply_defaults(Limits *l) {
        bool wall_given = limits_has(l, LIMIT_WALL_TIME);

        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++)
                if (!limits_has(l, t))
                        limits_set(l, t, limit_table[t].preset);

        if (!wall_given) {
                usec_t cpu = usec_add(l->values[LIMIT_CPU_TIME], l->values[LIMIT_EXTRA_TIME]);

                l->values[LIMIT_WALL_TIME] = MIN(3 * cpu, TIME_MAX);
        }

        return 0;
}

static const char *const verdict_table[_VERDICT_MAX] = {
        [VERDICT_INTERNAL_ERROR] = "internal-error",
        [VERDICT_EXEC_FAILED] = "exec-failed",
        [VERDICT_SECURITY_VIOLATION] = "security-violation",
        [VERDICT_MEMORY_LIMIT] = "memory-limit",
        [VERDICT_CPU_TIME_LIMIT] = "cpu-time-limit",
        [VERDICT_WALL_TIME_LIMIT] = "wall-time-limit",
        [VERDICT_IDLE_LIMIT] = "idle-limit",
        [VERDICT_OUTPUT_LIMIT] = "output-limit",
        [VERDICT_CANCELED] = "canceled",
        [VERDICT_SIGNALED] = "signaled",
        [VERDICT_RUNTIME_ERROR] = "runtime-error",
        [VERDICT_OK] = "ok",
};

DEFINE_STRING_TABLE_LOOKUP(verdict, Verdict);

static const char *const step_table[_STEP_MAX] = {
        [STEP_NONE] = "none",
        [STEP_PROTOCOL] = "protocol",
        [STEP_NAMESPACE] = "namespace",
        [STEP_CGROUP] = "cgroup",
        [STEP_USER] = "user",
        [STEP_ROOT] = "root",
        [STEP_MOUNT] = "mount",
        [STEP_DEVICE] = "device",
        [STEP_PROC] = "proc",
        [STEP_BIND] = "bind",
        [STEP_PIVOT_ROOT] = "pivot-root",
        [STEP_HOSTNAME] = "hostname",
        [STEP_LOOPBACK] = "loopback",
        [STEP_CAPABILITIES] = "capabilities",
        [STEP_SECCOMP] = "seccomp",
        [STEP_LANDLOCK] = "landlock",
        [STEP_KEYRING] = "keyring",
        [STEP_TSC] = "tsc",
        [STEP_IPC] = "ipc",
        [STEP_SPAWN] = "spawn",
        [STEP_STDIN] = "stdin",
        [STEP_STDOUT] = "stdout",
        [STEP_STDERR] = "stderr",
        [STEP_TERMINAL] = "terminal",
        [STEP_DESCRIPTORS] = "descriptors",
        [STEP_RLIMIT] = "rlimit",
        [STEP_CHDIR] = "chdir",
        [STEP_AFFINITY] = "affinity",
        [STEP_ALLOWED_PATH] = "allowed-path",
        [STEP_EXEC] = "exec",
        [STEP_FILE] = "file",
        [STEP_RESET] = "reset",
};

DEFINE_STRING_TABLE_LOOKUP(step, Step);

int degraded_to_strv(Degraded d, char ***ret) {
        static const struct {
                Degraded bit;
                const char *name;
        } table[] = {
                { DEGRADED_MEMORY, "memory" },
                { DEGRADED_PROCESSES, "processes" },
                { DEGRADED_CPUS, "cpus" },
                { DEGRADED_CPU_SET, "cpuSet" },
        };
        _cleanup_strv_free_ char **l = NULL;
        int r;

        assert(ret);

        l = new0(char *, 1);
        if (!l)
                return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (FLAGS_SET(d, table[i].bit)) {
                        r = strv_extend(&l, table[i].name);
                        if (r < 0)
                                return r;
                }

        *ret = TAKE_PTR(l);
        return 0;
}

void box_settings_init(BoxSettings *s) {
        *s = (BoxSettings) {
                .storage_bytes = BOX_STORAGE_DEFAULT,
                .inodes = BOX_INODES_DEFAULT,
                .image_fd = -EBADF,
        };
}

int box_settings_add_directory(BoxSettings *s, int fd) {
        _cleanup_close_ int owned = fd;
        char *path;

        assert(s);
        assert(fd >= 0);
        assert(s->n_binds < BOX_BINDS_MAX);

        path = strdup(BOX_DIRECTORY);
        if (!path)
                return -ENOMEM;

        s->binds[s->n_binds++] = (BindSpec) {
                .source_fd = TAKE_FD(owned),
                .path = path,
                .writable = true,
                .directory = true,
        };
        return 0;
}

void box_settings_done(BoxSettings *s) {
        assert(s);

        for (size_t i = 0; i < s->n_binds; i++) {
                s->binds[i].source_fd = safe_close(s->binds[i].source_fd);
                s->binds[i].path = mfree(s->binds[i].path);
        }
        for (size_t i = 0; i < s->n_tmpfs; i++)
                s->tmpfs[i].path = mfree(s->tmpfs[i].path);

        s->n_binds = s->n_tmpfs = 0;
        s->image_fd = safe_close(s->image_fd);
        s->image = mfree(s->image);
        s->host_name = mfree(s->host_name);
        s->domain_name = mfree(s->domain_name);
        s->profile = mfree(s->profile);
        path_rules_done(&s->allowed_paths);
        limits_done(&s->limits);
}

void run_spec_init(RunSpec *s) {
        *s = (RunSpec) { .exec_fd = -EBADF, .filter_fd = -EBADF };

        for (size_t i = 0; i < ELEMENTSOF(s->streams); i++)
                s->streams[i].fd = -EBADF;
}

void run_spec_done(RunSpec *s) {
        assert(s);

        s->argv = strv_free(s->argv);
        s->environment = strv_free(s->environment);
        s->working_directory = mfree(s->working_directory);
        for (size_t i = 0; i < ELEMENTSOF(s->streams); i++) {
                s->streams[i].fd = safe_close(s->streams[i].fd);
                s->streams[i].path = mfree(s->streams[i].path);
        }
        s->exec_fd = safe_close(s->exec_fd);
        s->filter_fd = safe_close(s->filter_fd);
        close_many(s->extra_fds, s->n_extra_fds);
        s->n_extra_fds = 0;
        path_rules_done(&s->allowed_paths);
        limits_done(&s->limits);
}

void run_result_init(RunResult *r) {
        *r = (RunResult) {
                .verdict = VERDICT_INTERNAL_ERROR,
                .exit_status = -1,
                .cpu_usec = RESULT_UNKNOWN,
                .user_usec = RESULT_UNKNOWN,
                .system_usec = RESULT_UNKNOWN,
                .wall_usec = RESULT_UNKNOWN,
                .memory_peak_bytes = RESULT_UNKNOWN,
                .max_rss_bytes = RESULT_UNKNOWN,
                .memory_anon_bytes = RESULT_UNKNOWN,
                .memory_file_bytes = RESULT_UNKNOWN,
                .memory_shmem_bytes = RESULT_UNKNOWN,
                .oom_kills = RESULT_UNKNOWN,
                .processes_peak = RESULT_UNKNOWN,
                .process_limit_hits = RESULT_UNKNOWN,
                .voluntary_switches = RESULT_UNKNOWN,
                .forced_switches = RESULT_UNKNOWN,
                .throttled_usec = RESULT_UNKNOWN,
                .cpu_pressure_usec = RESULT_UNKNOWN,
                .stdout_bytes = RESULT_UNKNOWN,
                .stderr_bytes = RESULT_UNKNOWN,
                .storage_bytes = RESULT_UNKNOWN,
                .inodes = RESULT_UNKNOWN,
        };
}

/* The limit that a stream was stopped at: a file that the program writes to itself is bounded by the size of files, where
 * that is the smaller one. */
static uint64_t stream_limit(const RunResult *r, const uint64_t *limits) {
        uint64_t bytes = r->output_stream == 1 ? r->stdout_bytes : r->stderr_bytes;

        return bytes < limits[LIMIT_OUTPUT] ? limits[LIMIT_FILE_SIZE] : limits[LIMIT_OUTPUT];
}

char *run_result_message(const RunResult *r, const Limits *limits, const char *program) {
        const uint64_t *v = limits->values;

        switch (r->verdict) {
        case VERDICT_INTERNAL_ERROR:
                return strprintf("The sandbox failed (%s: %s).", strna(step_to_string(r->step)), strerror(r->error));
        case VERDICT_EXEC_FAILED:
                return strprintf("Could not execute %s (%s: %s).", strna(program),
                                 strna(step_to_string(r->step)), strerror(r->error));
        case VERDICT_SECURITY_VIOLATION:
                return strprintf("Used a forbidden system call.");
        case VERDICT_MEMORY_LIMIT:
                return strprintf("Used more than %s of memory.", FORMAT_BYTES(v[LIMIT_MEMORY]));
        case VERDICT_CPU_TIME_LIMIT:
                return strprintf("Used more than %s of CPU time.", FORMAT_TIMESPAN(v[LIMIT_CPU_TIME]));
        case VERDICT_WALL_TIME_LIMIT:
                return strprintf("Ran longer than %s.", FORMAT_TIMESPAN(v[LIMIT_WALL_TIME]));
        case VERDICT_IDLE_LIMIT:
                return strprintf("Did nothing for %s.", FORMAT_TIMESPAN(v[LIMIT_IDLE_TIME]));
        case VERDICT_OUTPUT_LIMIT:
                if (r->output_stream == 0)
                        return strprintf("Wrote a file larger than %s.", FORMAT_BYTES(v[LIMIT_FILE_SIZE]));
                return strprintf("Wrote more than %s to standard %s.", FORMAT_BYTES(stream_limit(r, v)),
                                 r->output_stream == 1 ? "output" : "error");
        case VERDICT_CANCELED:
                return strprintf(r->step == STEP_CGROUP ? "The box was stopped from outside." : "Canceled.");
        case VERDICT_SIGNALED: {
                const char *abbreviation = sigabbrev_np(r->signal);

                return abbreviation ? strprintf("Killed by SIG%s.", abbreviation)
                                    : strprintf("Killed by signal %i.", r->signal);
        }
        case VERDICT_RUNTIME_ERROR:
                return strprintf("Exited with status %i.", r->exit_status);
        case VERDICT_OK:
                return strprintf("Exited normally.");
        default:
                return NULL;
        }
}
