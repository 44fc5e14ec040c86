/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager for hosts with systemd, which owns the cgroup tree there: each box is a transient scope of its own.
 *
 *   judgebox.slice/judgebox-<uid>.slice/judgebox-<uid>-<id>.scope/{supervisor,run-<n>}
 *
 * Slices and scopes, with all limits on them, are PID 1's, who may write them anew at any time; below a scope it never
 * looks (Delegate=), and all of ours is there. What is shared by all boxes is here: the signals and the slices. The
 * way of one box is in scope-box.c. */

#include "cgroup-dir.h"
#include "cgroup-mount.h"
#include "fd-util.h"
#include "log.h"
#include "parse-util.h"
#include "scope-internal.h"

#define ATTACH_TIMEOUT_USEC (30 * USEC_PER_SEC)

static ScopeBox *scope_manager_find(ScopeManager *m, const char *unit) {
        BoxCgroup *b;

        LIST_FOREACH(b, &m->meta.boxes, boxes)
                if (streq(SCOPE_BOX(b)->unit, unit))
                        return SCOPE_BOX(b);

        return NULL;
}

static void scope_manager_recheck(ScopeManager *m) {
        BoxCgroup *b;

        LIST_FOREACH(b, &m->meta.boxes, boxes)
                scope_box_recheck(SCOPE_BOX(b), /* missed_signals= */ true);
}

/* Anybody can send us a signal of any name. Before PID 1 has answered anything nobody knows who it is: then it is
 * believed, which costs a look around. */
static bool is_from_pid1(const ScopeManager *m, sd_bus_message *message) {
        return !m->pid1 || streq_ptr(m->pid1, sd_bus_message_get_sender(message));
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ScopeManager *m = ASSERT_PTR(userdata);
        const char *job, *unit, *result;
        ScopeBox *b;
        uint32_t id;
        int r;

        r = sd_bus_message_read(message, "uoss", &id, &job, &unit, &result);
        if (r < 0)
                return log_debug_errno(r, "Failed to read JobRemoved: %m");

        /* Anybody can send us a signal of this name: it must be from the one who took the job. */
        b = scope_manager_find(m, unit);
        if (b && streq_ptr(b->job, job) && streq_ptr(b->pid1, sd_bus_message_get_sender(message)))
                scope_box_job_removed(b, result);

        return 0;
}

static int on_unit_removed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ScopeManager *m = ASSERT_PTR(userdata);
        const char *unit, *path;
        ScopeBox *b;
        int r;

        if (!is_from_pid1(m, message))
                return 0;

        r = sd_bus_message_read(message, "so", &unit, &path);
        if (r < 0)
                return log_debug_errno(r, "Failed to read UnitRemoved: %m");

        b = scope_manager_find(m, unit);
        if (b)
                scope_box_recheck(b, /* missed_signals= */ false);
        scope_manager_leaving_removed(m, unit);

        return 0;
}

static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ScopeManager *m = ASSERT_PTR(userdata);
        int start, r;

        if (!is_from_pid1(m, message))
                return 0;

        r = sd_bus_message_read(message, "b", &start);
        if (r < 0)
                return log_debug_errno(r, "Failed to read Reloading: %m");

        if (!start)
                scope_manager_recheck(m);

        return 0;
}

static int on_subscribed(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        ScopeManager *m = ASSERT_PTR(userdata);
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        const char *sender = sd_bus_message_get_sender(reply);

        /* "AlreadySubscribed" after PID 1 was executed anew: it remembers. */
        if (e)
                log_debug("Subscribe: %s: %s", strna(e->name), strna(e->message));

        /* Else it is the bus itself that says that there is no PID 1. */
        return sender && sender[0] == ':' ? free_and_strdup(&m->pid1, sender) : 0;
}

/* Without it PID 1 sends no signals at all. */
static int scope_manager_subscribe(ScopeManager *m) {
        m->subscribe = sd_bus_slot_unref(m->subscribe);

        return sd_bus_call_method_async(
                        m->bus,
                        &m->subscribe,
                        SYSTEMD_NAME,
                        SYSTEMD_PATH,
                        SYSTEMD_MANAGER,
                        "Subscribe",
                        on_subscribed,
                        m,
                        /* types= */ NULL);
}

static int on_name_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ScopeManager *m = ASSERT_PTR(userdata);
        const char *name, *old, *new;
        int r;

        if (!streq_ptr(sd_bus_message_get_sender(message), "org.freedesktop.DBus"))
                return 0;

        r = sd_bus_message_read(message, "sss", &name, &old, &new);
        if (r < 0)
                return log_debug_errno(r, "Failed to read NameOwnerChanged: %m");

        m->pid1 = mfree(m->pid1);
        if (isempty(new))
                return 0;

        r = free_and_strdup(&m->pid1, new);
        if (r < 0)
                return r;

        r = scope_manager_subscribe(m);
        if (r < 0)
                (void) log_debug_errno(r, "Failed to subscribe to PID 1's signals again: %m");

        scope_manager_recheck(m);
        return 0;
}

static int on_match_added(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *e = sd_bus_message_get_error(reply);

        /* Attaches then end at their deadline, if nothing else tells. */
        if (e)
                log_debug("AddMatch: %s: %s", strna(e->name), strna(e->message));

        return 0;
}

/* The bus works through what one peer sends in the order in which it was sent: with these sent before any other call
 * there is no need to wait for the answers. */
static int scope_manager_add_matches(ScopeManager *m) {
#define MANAGER_SIGNAL(member) \
        "type='signal',sender='" SYSTEMD_NAME "',path='" SYSTEMD_PATH "',"       \
        "interface='" SYSTEMD_MANAGER "',member='" member "'"

        static const struct {
                const char *rule;
                sd_bus_message_handler_t handler;
        } table[SCOPE_MATCHES_MAX] = {
                { MANAGER_SIGNAL("JobRemoved"), on_job_removed },
                { MANAGER_SIGNAL("UnitRemoved"), on_unit_removed },
                { MANAGER_SIGNAL("Reloading"), on_reloading },
                { "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                  "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" SYSTEMD_NAME "'",
                  on_name_owner_changed },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                int r;

                r = sd_bus_add_match_async(
                                m->bus, &m->matches[i], table[i].rule, table[i].handler, on_match_added, m);
                if (r < 0)
                        return r;
        }

        return scope_manager_subscribe(m);
}

/* Where PID 1 makes its slices, below the mount: it is itself in init.scope there. */
static int scope_manager_find_root(ScopeManager *m) {
        _cleanup_free_ char *path = NULL;
        const char *below;
        char *end;
        int r;

        r = cgroup_path_of_pid(1, &path);
        if (r < 0)
                return r;

        end = endswith(path, "/init.scope");
        if (end)
                *(end == path ? end + 1 : end) = '\0';

        below = cgroup_path_below(path, m->mount_root);
        if (!below)
                return -EXDEV;

        m->root = strdup(below);
        return m->root ? 0 : -ENOMEM;
}

static char *scope_manager_top_path(ScopeManager *m) {
        return strprintf("%s%sjudgebox.slice", m->root, isempty(m->root) ? "" : "/");
}

char *scope_manager_slice_path(ScopeManager *m, uid_t owner) {
        assert(m);

        return strprintf("%s%sjudgebox.slice/judgebox-%u.slice", m->root, isempty(m->root) ? "" : "/", owner);
}

int scope_manager_new_call(ScopeManager *m, const char *interface, const char *member, sd_bus_message **ret) {
        assert(m);

        return m->bus ? sd_bus_message_new_method_call(m->bus, ret, SYSTEMD_NAME, SYSTEMD_PATH, interface, member)
                      : -ENOTCONN;
}

static int scope_kill_strays_in(ScopeManager *m, int parent_fd, const char *parent, const char *slice) {
        _cleanup_(closedirp) DIR *d = NULL;
        const char *name;
        int r, n = 0;

        r = cgroup_dir_iterate(parent_fd, slice, &d);
        if (r < 0)
                return r;

        while ((r = cgroup_dir_next(d, &name)) > 0) {
                _cleanup_close_ int fd = -EBADF;
                _cleanup_free_ char *path = NULL;

                if (!startswith(name, "judgebox-") || !endswith(name, ".scope") || scope_manager_find(m, name))
                        continue;

                fd = cgroup_dir_open(dirfd(d), name, O_RDONLY);
                if (fd < 0)
                        continue;

                r = cgroup_dir_kill(fd);
                if (r < 0)
                        (void) log_debug_errno(r, "Failed to kill what is in %s: %m", name);
                else
                        n++;

                path = strprintf("%s/%s/%s", parent, slice, name);
                if (!path)
                        return -ENOMEM;
                scope_manager_add_leaving(m, name, path);
        }

        return r < 0 ? r : n;
}

static int scope_kill_strays(CgroupManager *meta) {
        ScopeManager *m = SCOPE_MANAGER(meta);
        _cleanup_(closedirp) DIR *d = NULL;
        _cleanup_free_ char *top = NULL;
        const char *name;
        int r, n = 0;

        top = scope_manager_top_path(m);
        if (!top)
                return -ENOMEM;

        r = cgroup_dir_iterate(meta->mount_fd, top, &d);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;

        while ((r = cgroup_dir_next(d, &name)) > 0) {
                if (!startswith(name, "judgebox-") || !endswith(name, ".slice"))
                        continue;

                r = scope_kill_strays_in(m, dirfd(d), top, name);
                if (r < 0)
                        (void) log_debug_errno(r, "Failed to look through %s: %m", name);
                else
                        n += r;
        }

        return r < 0 ? r : n;
}

static uint64_t read_limit(int dir_fd, const char *file) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t v;

        fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
        return fd >= 0 && cgroup_read_uint64(fd, &v) >= 0 ? v : LIMIT_NONE;
}

/* "QUOTA PERIOD" or "max PERIOD", both in microseconds. */
static uint64_t read_cpu_limit(int dir_fd) {
        _cleanup_free_ char *text = NULL;
        uint64_t quota, period;
        char *blank, *end;

        if (read_full_file_at(dir_fd, "cpu.max", 64, &text, NULL) < 0)
                return LIMIT_NONE;

        end = endswith(text, "\n");
        blank = strchr(text, ' ');
        if (!end || !blank)
                return LIMIT_NONE;
        *end = *blank = '\0';

        if (parse_uint64(text, &quota) < 0 || parse_uint64(blank + 1, &period) < 0 || period == 0 ||
            __builtin_mul_overflow(quota, USEC_PER_SEC, &quota))
                return LIMIT_NONE;

        return quota / period;
}

static int scope_read_budget(CgroupManager *meta, uid_t owner, CgroupBudget *ret) {
        ScopeManager *m = SCOPE_MANAGER(meta);
        _cleanup_free_ char *top = NULL, *slice = NULL;
        CgroupBudget budget = CGROUP_BUDGET_NONE;

        top = scope_manager_top_path(m);
        slice = scope_manager_slice_path(m, owner);
        if (!top || !slice)
                return -ENOMEM;

        for (size_t i = 0; i < 2; i++) {
                _cleanup_close_ int fd = -EBADF;

                fd = cgroup_dir_open(meta->mount_fd, i == 0 ? top : slice, O_RDONLY);
                if (fd == -ENOENT)
                        break;
                if (fd < 0)
                        return fd;

                budget.memory_bytes = MIN(budget.memory_bytes, read_limit(fd, "memory.max"));
                budget.processes = MIN(budget.processes, read_limit(fd, "pids.max"));
                budget.cpu_usec_per_sec = MIN(budget.cpu_usec_per_sec, read_cpu_limit(fd));
        }

        *ret = budget;
        return 0;
}

static void scope_manager_forget_bus(ScopeManager *m) {
        for (size_t i = 0; i < ELEMENTSOF(m->matches); i++)
                m->matches[i] = sd_bus_slot_unref(m->matches[i]);

        scope_manager_leaving_forget_bus(m);
        m->subscribe = sd_bus_slot_unref(m->subscribe);
        m->pid1 = mfree(m->pid1);
        m->bus = sd_bus_unref(m->bus);
}

static int scope_set_bus(CgroupManager *meta, sd_bus *bus) {
        ScopeManager *m = SCOPE_MANAGER(meta);
        int r;

        assert(sd_bus_get_event(bus) == m->event);

        scope_manager_forget_bus(m);
        m->bus = sd_bus_ref(bus);

        r = scope_manager_add_matches(m);
        if (r < 0)
                return r;

        scope_manager_recheck(m);
        return 0;
}

static void scope_done(CgroupManager *meta) {
        ScopeManager *m = SCOPE_MANAGER(meta);

        scope_manager_leaving_done(m);
        scope_manager_forget_bus(m);
        m->event = sd_event_unref(m->event);
        m->mount_root = mfree(m->mount_root);
        m->root = mfree(m->root);
}

static const CgroupManagerVTable scope_vtable = {
        .name = "scope",
        .box_size = sizeof(ScopeBox),
        .done = scope_done,
        .set_bus = scope_set_bus,
        .box_new = scope_box_new,
        .box_adopt = scope_box_adopt,
        .box_attach = scope_box_attach,
        .box_settle = scope_box_settle,
        .box_done = scope_box_done,
        .kill_strays = scope_kill_strays,
        .read_budget = scope_read_budget,
};

int cgroup_manager_new_scope(sd_event *event, CgroupManager **ret) {
        _cleanup_(cgroup_manager_freep) CgroupManager *meta = NULL;
        _cleanup_close_ int root_fd = -EBADF;
        ScopeManager *m;
        int r;

        assert(event);
        assert(ret);

        m = new(ScopeManager, 1);
        if (!m)
                return -ENOMEM;
        *m = (ScopeManager) {
                .meta = { .vtable = &scope_vtable, .mount_fd = -EBADF },
                .event = sd_event_ref(event),
                .attach_timeout = ATTACH_TIMEOUT_USEC,
        };
        meta = &m->meta;

        r = cgroup_manager_init(meta, &m->mount_root);
        if (r < 0)
                return r;

        r = scope_manager_find_root(m);
        if (r < 0)
                return r;

        root_fd = cgroup_dir_open(meta->mount_fd, m->root, O_PATH);
        if (root_fd < 0)
                return root_fd;

        r = cgroup_dir_read_controllers(root_fd, "cgroup.controllers", &meta->controllers);
        if (r < 0)
                return r;

        r = scope_manager_watch_leaving(m);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(meta);
        return 0;
}
