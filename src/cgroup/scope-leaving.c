/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Scopes of boxes that are gone. systemd takes a scope away by itself once its cgroup is empty, and mostly has done so
 * before anybody looks. But it may also have taken the scope for empty right after its start, though the launcher is in
 * it (https://github.com/systemd/systemd/issues/36781): the unit is then gone, "Deactivated successfully", while box and
 * cgroup live on, and nobody takes care of the latter again. So whoever leaves is looked after until there is no
 * directory of it: a unit that stays is stopped, and a cgroup without a unit is ours to remove. */

#include <fcntl.h>

#include "cgroup-dir.h"
#include "fd-util.h"
#include "log.h"
#include "scope-internal.h"

/* How soon to look; doubled with every time, up to a minute: a process that no signal ends may stay for good. */
#define LOOK_USEC (1 * USEC_PER_SEC)
#define LOOK_MAX_USEC (60 * USEC_PER_SEC)

/* How long systemd has before it is asked: it may be busy, and so may the machine. */
#define PATIENCE_USEC (3 * USEC_PER_SEC)

/* More than a stop may take (TimeoutStopUSec=). */
#define ASK_AGAIN_USEC (15 * USEC_PER_SEC)

struct ScopeLeaving {
        ScopeManager *manager;
        char *unit;
        char *path; /* below the mount */
        usec_t when_look, delay; /* the delay after that */
        usec_t when_ask;
        bool no_unit; /* PID 1 does not know of it (any more) */
        sd_bus_slot *call;
        LIST_ENTRY(ScopeLeaving) leaving;
};

static void scope_leaving_free(ScopeLeaving *l) {
        LIST_REMOVE(l, leaving);
        sd_bus_slot_unref(l->call);
        free(l->unit);
        free(l->path);
        free(l);
}

static ScopeLeaving *scope_leaving_find(ScopeManager *m, const char *unit) {
        ScopeLeaving *l;

        LIST_FOREACH(l, &m->leaving, leaving)
                if (streq(l->unit, unit))
                        return l;

        return NULL;
}

static void set_timer(ScopeManager *m) {
        usec_t when = USEC_INFINITY;
        ScopeLeaving *l;

        LIST_FOREACH(l, &m->leaving, leaving)
                when = MIN(when, l->when_look);

        /* Cannot fail for a source that is there. */
        (void) sd_event_source_set_time(m->leaving_timer, when);
        (void) sd_event_source_set_enabled(m->leaving_timer, when < USEC_INFINITY ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* Begins anew: something has changed. */
static void look_at(ScopeLeaving *l, usec_t when) {
        l->when_look = when;
        l->delay = LOOK_USEC;
        set_timer(l->manager);
}

static int on_stopped(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        ScopeLeaving *l = ASSERT_PTR(userdata);
        const sd_bus_error *e = sd_bus_message_get_error(reply);

        l->call = sd_bus_slot_unref(l->call);

        if (e)
                log_debug("Stopping %s: %s: %s", l->unit, strna(e->name), strna(e->message));
        if (sd_bus_error_has_name(e, SYSTEMD_NAME ".NoSuchUnit")) {
                l->no_unit = true;
                look_at(l, 0);
        }

        return 0;
}

static void ask(ScopeLeaving *l) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        ScopeManager *m = l->manager;
        int r;

        log_debug("%s is still there, stopping it.", l->unit);

        l->call = sd_bus_slot_unref(l->call);
        r = scope_manager_new_call(m, SYSTEMD_MANAGER, "StopUnit", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", l->unit, "replace");
        if (r >= 0)
                r = sd_bus_call_async(m->bus, &l->call, call, on_stopped, l, /* usec= */ 0);
        if (r < 0)
                (void) log_debug_errno(r, "Failed to stop %s: %m", l->unit);
}

/* Without a unit: kills what may be in it, and takes it away at this look or at one to come. */
static bool remove_cgroup(ScopeLeaving *l, int fd) {
        int r;

        r = cgroup_dir_is_populated(fd);
        if (r > 0) {
                (void) cgroup_dir_kill(fd);
                return false;
        }

        r = cgroup_dir_remove(l->manager->meta.mount_fd, l->path);
        if (r < 0) {
                (void) log_debug_errno(r, "Failed to remove %s: %m", l->path);
                return false;
        }

        log_notice("Removed the cgroup of %s, which had no unit any more.", l->unit);
        return true;
}

/* Whether there is nothing of it any more. */
static bool look(ScopeLeaving *l, usec_t now) {
        _cleanup_close_ int fd = -EBADF;

        fd = cgroup_dir_open(l->manager->meta.mount_fd, l->path, O_RDONLY);
        if (fd == -ENOENT)
                return true;
        if (fd < 0)
                return false;

        if (l->no_unit)
                return remove_cgroup(l, fd);

        if (now >= l->when_ask) {
                l->when_ask = usec_add(now, ASK_AGAIN_USEC);
                ask(l);
        }

        return false;
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        ScopeManager *m = ASSERT_PTR(userdata);
        usec_t now = now_usec(CLOCK_MONOTONIC);
        ScopeLeaving *l, *next;

        for (l = LIST_FIRST(&m->leaving); l; l = next) {
                next = LIST_NEXT(l, leaving);
                if (l->when_look > now)
                        continue;
                if (look(l, now)) {
                        scope_leaving_free(l);
                        continue;
                }

                l->when_look = usec_add(now, l->delay);
                l->delay = MIN(2 * l->delay, LOOK_MAX_USEC);
        }

        set_timer(m);
        return 0;
}

int scope_manager_watch_leaving(ScopeManager *m) {
        int r;

        assert(m);

        LIST_INIT(&m->leaving);

        r = sd_event_add_time(m->event, &m->leaving_timer, CLOCK_MONOTONIC, 0, /* accuracy= */ 0, on_look, m);
        if (r < 0)
                return r;

        (void) sd_event_source_set_description(m->leaving_timer, "scopes-leaving");
        return sd_event_source_set_enabled(m->leaving_timer, SD_EVENT_OFF);
}

void scope_manager_add_leaving(ScopeManager *m, const char *unit, const char *path) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        ScopeLeaving *l;

        assert(m);
        assert(unit);
        assert(path);

        l = new(ScopeLeaving, 1);
        if (!l) {
                (void) log_oom();
                return;
        }

        *l = (ScopeLeaving) {
                .manager = m,
                .unit = strdup(unit),
                .path = strdup(path),
                .when_ask = usec_add(now, PATIENCE_USEC),
        };
        LIST_INSERT_HEAD(&m->leaving, l, leaving);
        if (!l->unit || !l->path) {
                (void) log_oom();
                scope_leaving_free(l);
                return;
        }

        look_at(l, usec_add(now, LOOK_USEC));
}

void scope_manager_drop_leaving(ScopeManager *m, const char *unit) {
        ScopeLeaving *l;

        assert(m);
        assert(unit);

        l = scope_leaving_find(m, unit);
        if (l)
                scope_leaving_free(l);
}

void scope_manager_leaving_removed(ScopeManager *m, const char *unit) {
        ScopeLeaving *l;

        assert(m);
        assert(unit);

        l = scope_leaving_find(m, unit);
        if (!l)
                return;

        /* As a rule that was it. PID 1 says the same of all units when it reloads: it is asked. */
        l->when_ask = 0;
        if (look(l, now_usec(CLOCK_MONOTONIC)))
                scope_leaving_free(l);
}

void scope_manager_leaving_forget_bus(ScopeManager *m) {
        ScopeLeaving *l;

        assert(m);

        LIST_FOREACH(l, &m->leaving, leaving)
                l->call = sd_bus_slot_unref(l->call);
}

void scope_manager_leaving_done(ScopeManager *m) {
        assert(m);

        while (!LIST_EMPTY(&m->leaving))
                scope_leaving_free(LIST_FIRST(&m->leaving));
        m->leaving_timer = sd_event_source_disable_unref(m->leaving_timer);
}
