/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What PID 1 is asked for: the call that makes a box's scope, and with it its tenant's slice. */

#include <signal.h>

#include "cgroup-dir.h"
#include "fd-util.h"
#include "scope-internal.h"

/* For `systemctl stop`, where a process does not even die of SIGKILL. */
#define STOP_TIMEOUT_USEC (10 * USEC_PER_SEC)

/* A slice that is there has its properties, by an earlier box or by the admin. */
static bool scope_box_wants_slice(ScopeBox *b) {
        ScopeManager *m = SCOPE_MANAGER(b->meta.manager);
        const CgroupBudget *budget = &b->meta.budget;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        BoxCgroup *other;

        if (b->no_slice || (budget->memory_bytes == LIMIT_NONE && budget->processes == LIMIT_NONE &&
                            budget->cpu_usec_per_sec == LIMIT_NONE))
                return false;

        LIST_FOREACH(other, &m->meta.boxes, boxes)
                if (other != &b->meta && other->owner == b->meta.owner && SCOPE_BOX(other)->may_exist)
                        return false;

        path = scope_manager_slice_path(m, b->meta.owner);
        if (!path)
                return false;

        fd = cgroup_dir_open(m->meta.mount_fd, path, O_RDONLY);
        return fd == -ENOENT;
}

/* As one of the units that are made along with the scope, which has it started. What systemd is told of a unit that it
 * makes is what a unit file would say: all that an admin can set stands above it. */
static int append_slice(ScopeBox *b, sd_bus_message *call, const char *slice) {
        const CgroupBudget *budget = &b->meta.budget;
        int r;

        r = sd_bus_message_open_container(call, 'a', "(sa(sv))");
        if (r < 0)
                return r;

        b->sent_slice = scope_box_wants_slice(b);
        if (b->sent_slice) {
                r = sd_bus_message_append(
                                call,
                                "(sa(sv))",
                                slice, 4,
                                "Documentation", "as", 1, "man:judgeboxd(8)",
                                "MemoryMax", "t", budget->memory_bytes,
                                "TasksMax", "t", budget->processes,
                                "CPUQuotaPerSecUSec", "t", budget->cpu_usec_per_sec);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(call);
}

static int append_properties(ScopeBox *b, sd_bus_message *call, const char *slice) {
        ScopeManager *m = SCOPE_MANAGER(b->meta.manager);
        int r;

        r = sd_bus_message_append(
                        call,
                        "(sv)(sv)(sv)(sv)(sv)",
                        "Description", "s", b->description,
                        "Documentation", "as", 1, "man:judgeboxd(8)",
                        "Slice", "s", slice,
                        "CollectMode", "s", "inactive-or-failed",
                        /* Only what is used here: each controller costs time at every fork and mkdir. */
                        "DelegateControllers", "as", 4, "cpu", "cpuset", "memory", "pids");
        if (r < 0)
                return r;

        r = sd_bus_message_append(
                        call,
                        "(sv)(sv)(sv)",
                        /* systemd's default would be a limit of its own, on top of the runs' and the tenant's. */
                        "TasksMax", "t", UINT64_MAX,
                        /* judgebox-init is a PID 1, which ignores SIGTERM. */
                        "KillSignal", "i", (int32_t) SIGKILL,
                        "TimeoutStopUSec", "t", STOP_TIMEOUT_USEC);
        if (r < 0)
                return r;

        /* sd_bus_can_send() is not asked: it blocks until the bus has said hello, and this bus is a local socket. */
        b->sent_pidfd = b->pidfd >= 0 && !m->no_pidfds;
        if (b->sent_pidfd)
                return sd_bus_message_append(call, "(sv)", "PIDFDs", "ah", 1, b->pidfd);

        return sd_bus_message_append(call, "(sv)", "PIDs", "au", 1, (uint32_t) b->pid);
}

int scope_box_new_start_call(ScopeBox *b, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        ScopeManager *m = SCOPE_MANAGER(b->meta.manager);
        _cleanup_free_ char *slice = NULL;
        int r;

        assert(b);
        assert(ret);

        slice = strprintf("judgebox-%u.slice", b->meta.owner);
        if (!slice)
                return -ENOMEM;

        r = scope_manager_new_call(m, SYSTEMD_MANAGER, "StartTransientUnit", &call);
        if (r < 0)
                return r;

        r = sd_bus_message_append(call, "ss", b->unit, "fail");
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(call, 'a', "(sv)");
        if (r < 0)
                return r;

        r = append_properties(b, call, slice);
        if (r < 0)
                return r;

        r = sd_bus_message_close_container(call);
        if (r < 0)
                return r;

        r = append_slice(b, call, slice);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(call);
        return 0;
}
