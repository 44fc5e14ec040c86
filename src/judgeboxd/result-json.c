/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>

#include "allowed-paths.h"
#include "json-build.h"
#include "manager.h"
#include "observed-json.h"
#include "result-json.h"

int strv_to_json(char *const *l, json_object **ret) {
        _cleanup_json_ json_object *array = json_object_new_array();
        int r = array ? 0 : -ENOMEM;

        for (; l && *l; l++)
                json_append(&r, array, json_object_new_string(*l));

        if (r >= 0)
                *ret = TAKE_PTR(array);
        return r;
}

int limits_to_json(const Limits *l, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r = o ? 0 : -ENOMEM;

        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++)
                if (limits_has(l, t) && l->values[t] != LIMIT_NONE)
                        json_add_uint64(&r, o, limit_type_to_string(t), l->values[t]);

        if (l->cpu_set)
                json_add_string(&r, o, "cpuSet", l->cpu_set);

        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}

/* Between those with a name and the realtime signals are some that the C library has for itself. */
static void add_signal(int *r, json_object *o, int signal) {
        const char *abbreviation = sigabbrev_np(signal);
        char name[32];

        if (abbreviation)
                (void) snprintf(name, sizeof(name), "SIG%s", abbreviation);
        else if (signal >= SIGRTMIN)
                (void) snprintf(name, sizeof(name), "SIGRTMIN+%i", signal - SIGRTMIN);
        else
                (void) snprintf(name, sizeof(name), "%i", signal);

        json_add_string(r, o, "signal", name);
}

static void add_evidence(int *r, json_object *o, const RunResult *e) {
        json_add_known(r, o, "cpuTimeUSec", e->cpu_usec);
        json_add_known(r, o, "userTimeUSec", e->user_usec);
        json_add_known(r, o, "systemTimeUSec", e->system_usec);
        json_add_known(r, o, "wallTimeUSec", e->wall_usec);
        json_add_known(r, o, "memoryPeakBytes", e->memory_peak_bytes);
        json_add_known(r, o, "maxRssBytes", e->max_rss_bytes);
        json_add_known(r, o, "memoryAnonBytes", e->memory_anon_bytes);
        json_add_known(r, o, "memoryFileBytes", e->memory_file_bytes);
        json_add_known(r, o, "memoryShmemBytes", e->memory_shmem_bytes);
        json_add_known(r, o, "oomKills", e->oom_kills);
        json_add_known(r, o, "processesPeak", e->processes_peak);
        json_add_known(r, o, "processLimitHits", e->process_limit_hits);
        json_add_known(r, o, "voluntarySwitches", e->voluntary_switches);
        json_add_known(r, o, "forcedSwitches", e->forced_switches);
        json_add_known(r, o, "throttledUSec", e->throttled_usec);
        json_add_known(r, o, "cpuPressureUSec", e->cpu_pressure_usec);
        json_add_known(r, o, "stdoutBytes", e->stdout_bytes);
        json_add_known(r, o, "stderrBytes", e->stderr_bytes);
        json_add_known(r, o, "storageUsedBytes", e->storage_bytes);
        json_add_known(r, o, "inodesUsed", e->inodes);
}

static int add_degraded(int *r, json_object *o, Degraded degraded) {
        _cleanup_strv_free_ char **names = NULL;
        json_object *array = NULL;

        if (degraded == 0)
                return 0;

        if (degraded_to_strv(degraded, &names) < 0 || strv_to_json(names, &array) < 0)
                return -ENOMEM;

        json_add(r, o, "degraded", array);
        return 0;
}

int run_to_json(const Run *run, json_object **ret) {
        static const char *const output_names[] = { "file", "stdout", "stderr" };
        _cleanup_json_ json_object *o = json_object_new_object();
        _cleanup_free_ char *message = NULL;
        const RunResult *e = &run->result;
        int r = o ? 0 : -ENOMEM;

        message = observed_message(e, &run->observed, &run->request.spec.limits, run->request.spec.argv[0]);
        if (!message)
                return -ENOMEM;

        json_add_string(&r, o, "verdict", verdict_to_string(e->verdict));
        json_add_string(&r, o, "message", message);
        if (e->exit_status >= 0)
                json_add_uint64(&r, o, "exitStatus", (uint64_t) e->exit_status);
        if (e->signal > 0)
                add_signal(&r, o, e->signal);
        if (IN_SET(e->verdict, VERDICT_EXEC_FAILED, VERDICT_INTERNAL_ERROR)) {
                json_add_string(&r, o, "step", step_to_string(e->step));
                if (strerrorname_np(e->error))
                        json_add_string(&r, o, "error", strerrorname_np(e->error));
                if (run->observed.path)
                        json_add_path(&r, o, run->observed.path);
        }

        if (e->verdict == VERDICT_OUTPUT_LIMIT)
                json_add_string(&r, o, "outputExceeded", output_names[e->output_stream]);

        add_evidence(&r, o, e);
        if (run->has_cpus)
                json_add_string(&r, o, "cpuSet", run->request.spec.limits.cpu_set);
        json_add_known(&r, o, "queuedUSec", run->queued_usec);
        if (run->ticket.reason != ADMISSION_REASON_NONE)
                json_add_string(&r, o, "queuedFor", admission_reason_to_string(run->ticket.reason));
        json_add_observed(&r, o, &e->violation, &run->observed);
        if (add_degraded(&r, o, e->degraded) < 0)
                return -ENOMEM;

        json_add_string(&r, o, "box", run->box ? run->box->id : "");
        json_add_uint64(&r, o, "owner", run->tenant->uid);
        json_add_uint64(&r, o, "run", run->number);

        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}

static int active_runs_to_json(Box *b, json_object **ret) {
        _cleanup_json_ json_object *array = json_object_new_array();
        int r = array ? 0 : -ENOMEM;
        Run *run;

        DL_FOREACH(b->runs, run)
                if (run_is_active(run))
                        json_append(&r, array, json_object_new_int64((int64_t) run->number));

        if (r >= 0)
                *ret = TAKE_PTR(array);
        return r;
}

static void add_usage(int *r, json_object *o, Box *b) {
        usec_t cpu = RESULT_UNKNOWN;
        uint64_t memory = RESULT_UNKNOWN, processes = RESULT_UNKNOWN;

        if (!b->cgroup || box_cgroup_read_usage(b->cgroup, &cpu, &memory, &processes) < 0)
                return;

        json_add_known(r, o, "memoryBytes", memory);
        json_add_known(r, o, "processes", processes);
        json_add_known(r, o, "cpuTimeUSec", cpu);
}

static void add_directory(int *r, json_object *o, const Box *b) {
        _cleanup_free_ char *path = box_get_directory(b);

        if (path)
                json_add_string(r, o, "directory", path);
}

int box_to_json(Box *b, uint64_t storage_bytes, uint64_t inodes, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *active = NULL, *limits = NULL, *paths = NULL;
        int r = o ? 0 : -ENOMEM;
        pid_t leader;

        if (active_runs_to_json(b, &active) < 0)
                return -ENOMEM;

        json_add_string(&r, o, "box", b->id);
        json_add_uint64(&r, o, "owner", b->owner);
        json_add_string(&r, o, "state", box_state_to_string(b->state));
        json_add_uint64(&r, o, "runs", b->n_executed);
        json_add(&r, o, "activeRuns", active);
        json_add_uint64(&r, o, "createdUSec", b->created_usec);
        json_add_uint64(&r, o, "storageBytes", b->settings.storage_bytes);
        json_add_uint64(&r, o, "inodes", b->settings.inodes);
        json_add_known(&r, o, "storageUsedBytes", storage_bytes);
        json_add_known(&r, o, "inodesUsed", inodes);
        add_usage(&r, o, b);
        json_add_string(&r, o, "hostName", b->settings.host_name);
        if (b->settings.image)
                json_add_string(&r, o, "image", b->settings.image);
        add_directory(&r, o, b);
        if (box_get_leader_pid(b, &leader) >= 0)
                json_add_uint64(&r, o, "leaderPid", (uint64_t) leader);
        if (b->cgroup && box_cgroup_get_path(b->cgroup))
                json_add_string(&r, o, "cgroup", box_cgroup_get_path(b->cgroup));
        json_add_uint64(&r, o, "uidBase", b->uid_base);

        json_add_string(&r, o, "profile", b->settings.profile ?: b->manager->config->profile);
        json_add(&r, o, "trace", json_object_new_boolean(b->settings.trace));

        if (limits_to_json(&b->run_limits, &limits) < 0)
                return -ENOMEM;
        json_add(&r, o, "limits", limits);

        if (b->settings.allowed_paths.n > 0) {
                if (allowed_paths_to_json(&b->settings.allowed_paths, &paths) < 0)
                        return -ENOMEM;
                json_add(&r, o, "allowedPaths", paths);
        }

        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}

static const char *file_type_to_string(uint32_t mode) {
        switch (mode & S_IFMT) {
        case S_IFREG:
                return "regular";
        case S_IFDIR:
                return "directory";
        case S_IFLNK:
                return "symlink";
        case S_IFIFO:
                return "fifo";
        case S_IFSOCK:
                return "socket";
        default:
                return "other";
        }
}

static int entry_to_json(const MessageEntry *e, const char *name, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        size_t n = e->name_size - 1;
        int r = o ? 0 : -ENOMEM;

        json_add_bytes(&r, o, "name", "nameBase64", name, n);
        json_add_string(&r, o, "type", file_type_to_string(e->mode));
        json_add_uint64(&r, o, "sizeBytes", e->size_bytes);
        json_add_uint64(&r, o, "mode", e->mode & 07777);
        json_add_uint64(&r, o, "modifiedUSec", e->modified_usec);

        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}

int entries_to_json(const char *tail, size_t size, json_object **ret) {
        _cleanup_json_ json_object *array = json_object_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t used = 0; r >= 0 && used < size;) {
                json_object *o = NULL;
                MessageEntry e;

                if (size - used < sizeof(e))
                        return -EBADMSG;
                memcpy(&e, tail + used, sizeof(e));
                used += sizeof(e);

                if (e.name_size < 2 || e.name_size > size - used || tail[used + e.name_size - 1] != '\0' ||
                    memchr(tail + used, '\0', e.name_size - 1))
                        return -EBADMSG;

                if (entry_to_json(&e, tail + used, &o) < 0)
                        return -ENOMEM;
                json_append(&r, array, o);
                used += e.name_size;
        }

        if (r >= 0)
                *ret = TAKE_PTR(array);
        return r;
}
