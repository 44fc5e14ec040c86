/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A box's way through the life of its unit. The rule is that no message of PID 1's is taken for the truth: what counts
 * is in which cgroup the launcher is, and whether the cgroup still has processes. Messages only say when to look:
 *
 * - The job's end: the launcher is in the scope, or the box has failed.
 * - PID 1 is executed anew (daemon-reexec, an upgrade): calls get no reply, and JobRemoved may be sent while it is not
 *   on the bus. A call that may have been lost is repeated if the launcher is not where it should be.
 * - PID 1 reloads: it says UnitRemoved and UnitNew of every unit there is, and nothing has happened.
 * - The tenant's slice is still being taken away, with the box before this one, or PID 1 has just forgotten it: it is
 *   tried again.
 * - There is no connection to the bus, or it breaks: it is tried again, until there is another (cgroup_manager_set_bus()).
 * - A scope of the same name is still being taken away (a box made again at once): its UnitRemoved is waited for.
 *
 * All of it ends at the deadline at the latest. Whatever may have been made for a box that failed is stopped; a unit of
 * which all processes are gone is taken away by systemd without being asked. */

#include "cgroup-dir.h"
#include "cgroup-mount.h"
#include "fd-util.h"
#include "log.h"
#include "scope-internal.h"

/* How soon to look where there may be no message that tells; doubled with every time, up to 16 times that. */
#define RETRY_USEC (100 * USEC_PER_MSEC)
#define RETRY_DOUBLE_MAX 4U

/* How often a tenant's slice is tried to be made along with the scope. */
#define SLICE_RETRIES_MAX 2U

static const char *const scope_state_table[_SCOPE_STATE_MAX] = {
        [SCOPE_NEW] = "new",
        [SCOPE_STARTING] = "starting",
        [SCOPE_JOB] = "job",
        [SCOPE_WAITING] = "waiting",
        [SCOPE_RUNNING] = "running",
        [SCOPE_FAILED] = "failed",
        [SCOPE_GONE] = "gone",
};

static void scope_box_set_state(ScopeBox *b, ScopeState state) {
        if (b->state != state)
                log_debug("%s: %s -> %s", b->unit, scope_state_table[b->state], scope_state_table[state]);

        b->state = state;
}

static void scope_box_set_timer(ScopeBox *b, usec_t when) {
        /* Cannot fail for a source that is there; a time that is over is due at once. */
        (void) sd_event_source_set_time(b->timer, MIN(when, b->deadline));
        (void) sd_event_source_set_enabled(b->timer, SD_EVENT_ONESHOT);
}

static void scope_box_look_soon(ScopeBox *b) {
        usec_t delay = RETRY_USEC << MIN(b->n_retries, RETRY_DOUBLE_MAX);

        scope_box_set_timer(b, usec_add(now_usec(CLOCK_MONOTONIC), delay));
        b->n_retries++;
}

/* A moment later. */
static void scope_box_try_again(ScopeBox *b) {
        scope_box_set_state(b, SCOPE_WAITING);
        scope_box_look_soon(b);
}

/* PID 1 is not waited for: what it cannot do now nobody could do better. */
static void scope_box_stop_unit(ScopeBox *b) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        ScopeManager *m = SCOPE_MANAGER(b->meta.manager);
        int r;

        r = scope_manager_new_call(m, SYSTEMD_MANAGER, "StopUnit", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", b->unit, "replace");
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(call, false);
        if (r >= 0)
                r = sd_bus_send(m->bus, call, /* ret_cookie= */ NULL);
        if (r < 0)
                (void) log_debug_errno(r, "Failed to stop %s: %m", b->unit);
}

static void scope_box_forget_attach(ScopeBox *b) {
        b->call = sd_bus_slot_unref(b->call);
        b->pidfd = safe_close(b->pidfd);
        b->job = mfree(b->job);
        b->pid1 = mfree(b->pid1);
        b->pid = 0;
}

/* The last thing that is done with the box: its user may free it. */
static void scope_box_finish(ScopeBox *b, int r) {
        (void) sd_event_source_set_enabled(b->timer, SD_EVENT_OFF);
        scope_box_forget_attach(b);
        b->deadline = USEC_INFINITY;

        if (r < 0 && b->may_exist)
                scope_box_stop_unit(b);

        scope_box_set_state(b, r < 0 ? SCOPE_FAILED : SCOPE_RUNNING);
        box_cgroup_attached(&b->meta, r);
}

/* Positive: the launcher is in the scope, and the scope's cgroup is open. 0: it is elsewhere. */
static int scope_box_open(ScopeBox *b) {
        ScopeManager *m = SCOPE_MANAGER(b->meta.manager);
        CgroupController controllers;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        const char *below, *name;
        int r;

        r = cgroup_path_of_pid(b->pid, &path);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;

        name = strrchr(path, '/');
        if (!streq(name + 1, b->unit))
                return 0;

        below = cgroup_path_below(path, m->mount_root);
        if (!below)
                return -EXDEV;

        fd = cgroup_dir_open(m->meta.mount_fd, below, O_RDONLY);
        if (fd < 0)
                return fd;

        r = cgroup_dir_read_controllers(fd, "cgroup.controllers", &controllers);
        if (r < 0)
                return r;

        b->meta.path = strprintf("/%s", below);
        if (!b->meta.path)
                return -ENOMEM;

        /* What is not delegated to this one will not be to the next. */
        m->meta.controllers &= controllers;
        b->meta.dir_fd = TAKE_FD(fd);
        return 1;
}

static bool error_is_transient(const sd_bus_error *e) {
        static const char *const names[] = {
                /* PID 1 was there and is not any more, or has not answered */
                SD_BUS_ERROR_NO_REPLY,
                SD_BUS_ERROR_TIMEOUT,
                "org.freedesktop.DBus.Error.TimedOut",
                /* ... or is not there yet; its name can be "activated" by a program that fails */
                SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                SD_BUS_ERROR_SERVICE_UNKNOWN,
                SD_BUS_ERROR_NO_SERVER,
                /* The bus itself is busy */
                SD_BUS_ERROR_LIMITS_EXCEEDED,
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (sd_bus_error_has_name(e, names[i]))
                        return true;

        return e->name && startswith(e->name, "org.freedesktop.DBus.Error.Spawn.");
}

/* The tenant's slice is going with its last box, a moment ago, or is gone for PID 1 while its successor is not there
 * yet, as after it was executed anew: it will be made again. */
static bool error_is_of_slice(const sd_bus_error *e) {
        return sd_bus_error_has_names(e, SYSTEMD_NAME ".TransactionIsDestructive", SYSTEMD_NAME ".NoSuchUnit") ||
                sd_bus_error_get_errno(e) == ENOENT;
}

static int scope_box_start(ScopeBox *b);

static int scope_box_started(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        ScopeBox *b = ASSERT_PTR(userdata);
        ScopeManager *m = SCOPE_MANAGER(b->meta.manager);
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        const char *job, *sender;
        int r;

        b->call = sd_bus_slot_unref(b->call);

        if (!e) {
                sender = sd_bus_message_get_sender(reply);
                r = sd_bus_message_read(reply, "o", &job);
                if (r >= 0)
                        r = free_and_strdup(&b->job, job);
                if (r >= 0)
                        r = free_and_strdup(&b->pid1, sender);
                if (r < 0)
                        goto fail;

                scope_box_set_state(b, SCOPE_JOB);
                if (b->watch)
                        scope_box_look_soon(b);
                return 0;
        }

        log_debug("%s: %s: %s", b->unit, strna(e->name), strna(e->message));

        if (b->sent_pidfd && (sd_bus_error_has_name(e, SD_BUS_ERROR_PROPERTY_READ_ONLY) ||
                              sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_PROPERTY))) {
                m->no_pidfds = true;
                b->may_exist = false;

                r = scope_box_start(b);
                if (r < 0)
                        goto fail;
                return 0;
        }

        r = sd_bus_error_get_errno(e);
        r = r > 0 ? -r : -EIO;

        if (error_is_transient(e)) {
                b->lost = true;
                scope_box_try_again(b);
                return 0;
        }

        if (error_is_of_slice(e)) {
                b->may_exist = b->lost;
                b->error = r;
                scope_box_try_again(b);
                return 0;
        }

        if (sd_bus_error_has_name(e, SYSTEMD_NAME ".UnitExists")) {
                /* Another's, who is leaving: then there will be a message. Or ours by a call without a reply: then
                 * the launcher is in it, soon. */
                b->may_exist = b->lost;
                b->blocked = true;
                b->error = -EEXIST;
                /* Or it is the slice that is there, with a unit file of the admin's: then that is its budget. */
                if (b->n_retries >= SLICE_RETRIES_MAX)
                        b->no_slice = true;
                scope_box_try_again(b);
                return 0;
        }

        b->may_exist = false;

        /* The box then has a slice with what the admin has set alone, which is better than no box. */
        if (b->sent_slice) {
                b->no_slice = true;
                b->error = r;
                scope_box_try_again(b);
                return 0;
        }

fail:
        scope_box_finish(b, r);
        return 0;
}

static int scope_box_start(ScopeBox *b) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        ScopeManager *m = SCOPE_MANAGER(b->meta.manager);
        int r;

        r = scope_box_new_start_call(b, &call);
        if (r < 0)
                return r;

        b->call = sd_bus_slot_unref(b->call);
        r = sd_bus_call_async(m->bus, &b->call, call, scope_box_started, b, m->attach_timeout);
        if (r < 0)
                return r;

        b->may_exist = true;
        b->blocked = false;
        b->error = -ETIMEDOUT;
        scope_box_set_state(b, SCOPE_STARTING);
        scope_box_set_timer(b, b->deadline);
        return 0;
}

/* Where there is no connection to the bus there will be one again. */
static int scope_box_try(ScopeBox *b) {
        int r;

        r = scope_box_start(b);
        if (!IN_SET(r, -ENOTCONN, -ECONNRESET))
                return r;

        b->error = -ENOTCONN;
        scope_box_try_again(b);
        return 0;
}

static void scope_box_check_attach(ScopeBox *b) {
        int r;

        r = scope_box_open(b);
        if (r != 0) {
                scope_box_finish(b, MIN(r, 0));
                return;
        }

        if (now_usec(CLOCK_MONOTONIC) >= b->deadline) {
                scope_box_finish(b, b->error);
                return;
        }

        switch (b->state) {

        case SCOPE_WAITING:
                r = scope_box_try(b);
                if (r < 0)
                        scope_box_finish(b, r);
                break;

        case SCOPE_JOB:
                if (b->watch)
                        scope_box_look_soon(b);
                else
                        scope_box_set_timer(b, b->deadline);
                break;

        default:
                scope_box_set_timer(b, b->deadline);
        }
}

static int scope_box_on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        ScopeBox *b = ASSERT_PTR(userdata);

        switch (b->state) {

        case SCOPE_STARTING:
        case SCOPE_JOB:
        case SCOPE_WAITING:
                scope_box_check_attach(b);
                break;

        case SCOPE_RUNNING:
                if (cgroup_dir_is_populated(b->meta.dir_fd) > 0)
                        break;

                scope_box_set_state(b, SCOPE_GONE);
                if (b->meta.removed)
                        b->meta.removed(&b->meta, b->meta.removed_userdata);
                break;

        default:
                break;
        }

        return 0;
}

void scope_box_job_removed(ScopeBox *b, const char *result) {
        assert(b);
        assert(result);

        if (b->state != SCOPE_JOB)
                return;

        /* Either the launcher is there now, or it will never be: that is decided at the deadline, so this is it. */
        b->deadline = 0;
        b->error = streq(result, "done") ? -ESRCH :
                streq(result, "canceled") ? -ECANCELED :
                streq(result, "timeout") ? -ETIMEDOUT : -EIO;
        scope_box_set_timer(b, 0);
}

void scope_box_recheck(ScopeBox *b, bool missed_signals) {
        assert(b);

        if (missed_signals)
                b->watch = true;
        /* A call that fails leaves a unit behind for a moment: that it goes is no reason to call again at once. */
        else if (b->state == SCOPE_WAITING && !b->blocked)
                return;
        if (IN_SET(b->state, SCOPE_JOB, SCOPE_WAITING, SCOPE_RUNNING))
                scope_box_set_timer(b, 0);
}

static int scope_box_init(ScopeBox *b) {
        ScopeManager *m = SCOPE_MANAGER(b->meta.manager);
        int r;

        b->pidfd = -EBADF;
        b->deadline = USEC_INFINITY;

        b->unit = strprintf("judgebox-%s.scope", b->meta.name);
        if (!b->unit)
                return -ENOMEM;
        scope_manager_drop_leaving(m, b->unit);

        r = sd_event_add_time(m->event, &b->timer, CLOCK_MONOTONIC, 0, /* accuracy= */ 1, scope_box_on_timer, b);
        if (r < 0)
                return r;

        (void) sd_event_source_set_description(b->timer, "box-scope");
        return sd_event_source_set_enabled(b->timer, SD_EVENT_OFF);
}

int scope_box_new(BoxCgroup *meta, const char *description) {
        ScopeBox *b = SCOPE_BOX(meta);
        int r;

        r = scope_box_init(b);
        if (r < 0)
                return r;

        return free_and_strdup(&b->description, description);
}

int scope_box_adopt(BoxCgroup *meta) {
        ScopeBox *b = SCOPE_BOX(meta);
        ScopeManager *m = SCOPE_MANAGER(meta->manager);
        _cleanup_free_ char *slice = NULL;
        int r;

        r = scope_box_init(b);
        if (r < 0)
                return r;

        slice = scope_manager_slice_path(m, meta->owner);
        if (!slice)
                return -ENOMEM;

        meta->path = strprintf("/%s/%s", slice, b->unit);
        if (!meta->path)
                return -ENOMEM;

        meta->dir_fd = cgroup_dir_open(m->meta.mount_fd, meta->path + 1, O_RDONLY);
        if (meta->dir_fd < 0)
                return meta->dir_fd;

        r = cgroup_dir_is_populated(meta->dir_fd);
        if (r < 0)
                return r;
        if (r == 0)
                return -ENOENT;

        scope_box_set_state(b, SCOPE_RUNNING);
        return 0;
}

int scope_box_attach(BoxCgroup *meta, pid_t pid, int pidfd) {
        ScopeBox *b = SCOPE_BOX(meta);

        assert(b->state == SCOPE_NEW);

        if (pidfd >= 0) {
                b->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
                if (b->pidfd < 0)
                        return -errno;
        }

        b->pid = pid;
        b->deadline = usec_add(now_usec(CLOCK_MONOTONIC), SCOPE_MANAGER(meta->manager)->attach_timeout);
        return scope_box_try(b);
}

void scope_box_done(BoxCgroup *meta) {
        ScopeBox *b = SCOPE_BOX(meta);

        switch (b->state) {

        case SCOPE_STARTING:
        case SCOPE_JOB:
        case SCOPE_WAITING:
                if (b->may_exist)
                        scope_box_stop_unit(b);
                break;

        case SCOPE_RUNNING:
                /* What is below is ours; the scope itself goes as soon as systemd sees that it is empty. */
                if (meta->released)
                        break;
                if (cgroup_dir_is_populated(meta->dir_fd) == 0)
                        (void) cgroup_dir_remove_children(meta->dir_fd);
                else
                        scope_box_stop_unit(b);
                _fallthrough_;

        case SCOPE_GONE:
                scope_manager_add_leaving(SCOPE_MANAGER(meta->manager), b->unit, meta->path + 1);
                break;

        default:
                break;
        }

        b->timer = sd_event_source_disable_unref(b->timer);
        scope_box_forget_attach(b);
        scope_box_forget_settles(b);
        free(b->unit);
        free(b->description);
}
