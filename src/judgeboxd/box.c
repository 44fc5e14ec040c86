/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "box-hold.h"
#include "box-internal.h"
#include "box-store.h"
#include "box.h"
#include "fd-util.h"
#include "journal.h"
#include "manager.h"
#include "message-ids.h"
#include "parse-util.h"
#include "tenant.h"

/* To be gone: milliseconds, unless the host is in trouble. */
#define BOX_STOP_TIMEOUT_USEC (30 * USEC_PER_SEC)

static const char *const box_state_table[_BOX_STATE_MAX] = {
        [BOX_STARTING] = "starting",
        [BOX_IDLE] = "idle",
        [BOX_RUNNING] = "running",
        [BOX_STOPPING] = "stopping",
};

DEFINE_STRING_TABLE_LOOKUP(box_state, BoxState);

static void set_state(Box *b, BoxState state) {
        BoxState before = b->state;

        if (b->state == state)
                return;

        log_debug("Box %s: %s -> %s.", b->name, box_state_to_string(before), box_state_to_string(state));
        b->state = state;

        observers_tell_box(b, before);
}

static Box *box_release_memory(Box *b) {
        box_settings_done(&b->settings);
        limits_done(&b->run_limits);
        failure_done(&b->failure);
        free(b->holder_bus_name);
        free(b->id);
        free(b->name);
        return mfree(b);
}

static int box_register(
                Manager *m,
                Tenant *tenant,
                const char *id,
                BoxSettings *settings,
                bool one_shot,
                bool adopted,
                Box **ret,
                Failure *f) {

        Box *b;
        int r;

        assert(m);
        assert(tenant);
        assert(box_id_is_valid(id));
        assert(settings);
        assert(ret);

        if (manager_find_box(m, tenant->uid, id))
                return failure_set(f, FAILURE_BOX_EXISTS, id);

        b = new(Box, 1);
        if (!b)
                return -ENOMEM;

        *b = (Box) {
                .manager = m,
                .tenant = tenant,
                .owner = tenant->uid,
                .id = strdup(id),
                .name = strprintf("%u-%s", tenant->uid, id),
                .one_shot = one_shot,
                .created_usec = now_usec(CLOCK_REALTIME),
                .init_pidfd = -EBADF,
        };
        box_settings_init(&b->settings);
        if (!b->id || !b->name) {
                (void) box_release_memory(b);
                return -ENOMEM;
        }

        r = settings->host_name ? 0 : free_and_strdup(&settings->host_name, BOX_HOST_NAME_DEFAULT);
        if (r >= 0)
                r = limits_copy(&settings->limits, &b->run_limits);
        if (r >= 0)
                r = limits_inherit(&b->run_limits, &m->config->limits);
        if (r >= 0)
                r = limits_apply_defaults(&b->run_limits);
        if (r < 0) {
                (void) box_release_memory(b);
                return r;
        }

        HASH_ADD_KEYPTR(hh, m->boxes, b->name, strlen(b->name), b);
        if (!hash_added(b)) {
                (void) box_release_memory(b);
                return -ENOMEM;
        }

        /* Last: to take it back could be the end of the tenant, which is the caller's yet. */
        if (adopted)
                tenant_adopt_box(tenant, settings);
        else {
                r = tenant_add_box(tenant, settings, f);
                if (r != 0) {
                        HASH_DEL(m->boxes, b);
                        (void) box_release_memory(b);
                        return r;
                }
        }

        b->settings = *settings;
        box_settings_init(settings);

        *ret = b;
        return 0;
}

int box_new(
                Manager *m,
                Tenant *tenant,
                const char *id,
                BoxSettings *settings,
                bool one_shot,
                Box **ret,
                Failure *f) {

        return box_register(m, tenant, id, settings, one_shot, /* adopted= */ false, ret, f);
}

int box_new_adopted(Manager *m, Tenant *tenant, const char *id, BoxSettings *settings, bool one_shot, Box **ret) {
        Failure f = FAILURE_NULL;
        int r;

        r = box_register(m, tenant, id, settings, one_shot, /* adopted= */ true, ret, &f);
        failure_done(&f);
        return r > 0 ? -EEXIST : r;
}

Box *box_free(Box *b) {
        if (!b)
                return NULL;

        assert(!b->cgroup);
        assert(!b->launch);
        assert(!b->runs);

        b->channel = box_channel_free(b->channel);
        return box_release_memory(b);
}

static int wait_for(BoxWaiter **list, box_callback_t callback, void *userdata) {
        BoxWaiter *w;

        w = new(BoxWaiter, 1);
        if (!w)
                return -ENOMEM;

        *w = (BoxWaiter) { .callback = callback, .userdata = userdata };
        LL_APPEND(*list, w);
        return 0;
}

void box_call_waiters(Box *b, BoxWaiter **list, const Failure *failure) {
        assert(b);
        assert(list);

        while (*list) {
                BoxWaiter w = **list;

                free(*list);
                *list = w.next;
                w.callback(b, failure, w.userdata);
        }
}

int box_wait_ready(Box *b, box_callback_t callback, void *userdata) {
        assert(b);
        return wait_for(&b->ready_waiters, callback, userdata);
}

int box_wait_gone(Box *b, box_callback_t callback, void *userdata) {
        assert(b);
        return wait_for(&b->gone_waiters, callback, userdata);
}

void box_update_state(Box *b) {
        assert(b);

        if (b->configured && b->state != BOX_STOPPING)
                set_state(b, b->n_active_runs > 0 ? BOX_RUNNING : BOX_IDLE);
}

bool box_is_launched(const Box *b) {
        assert(b);
        return b->channel && !b->launch && !b->adopting && b->state != BOX_STOPPING;
}

char *box_get_directory(const Box *b) {
        assert(b);

        return b->settings.host_directory && b->manager->host_directories
                        ? host_directory_path(b->manager->host_directories, b->owner, b->id) : NULL;
}

/* Nothing of it runs any more. */
static void box_gone(Box *b) {
        Manager *m = b->manager;
        int r;

        for (size_t i = 0; i < b->n_leftovers; i++)
                (void) run_cgroup_free(b->leftovers[i]);
        b->n_leftovers = 0;
        b->spare = run_cgroup_free(b->spare);
        b->cgroup = box_cgroup_free(b->cgroup);
        if (b->has_uid_base)
                uid_range_release(m->uids, b->uid_base);
        b->has_uid_base = false;

        if (b->settings.host_directory && m->host_directories) {
                r = host_directory_remove(m->host_directories, b->owner, b->id, b->directory_project);
                if (r < 0)
                        (void) log_warning_errno(r, "Failed to remove the directory of box %s: %m", b->name);
        }

        if (b->stored)
                box_store_remove(m->store, b->name);
        HASH_DEL(m->boxes, b);
        tenant_remove_box(b->tenant, &b->settings);

        log_debug("Box %s is gone.", b->name);
        box_call_waiters(b, &b->gone_waiters, NULL);
        manager_dispose_box(m, b);
}

void box_check_gone(Box *b) {
        assert(b);

        if (b->state == BOX_STOPPING && !b->launch && b->init_pidfd < 0)
                box_gone(b);
}

void box_kill_init(Box *b) {
        assert(b);

        if (b->init_pidfd >= 0 && syscall(SYS_pidfd_send_signal, b->init_pidfd, SIGKILL, NULL, 0) < 0)
                log_debug_errno(errno, "Failed to kill judgebox-init of box %s: %m", b->name);
}

void box_kill_processes(Box *b) {
        int r;

        assert(b);

        if (b->cgroup) {
                r = box_cgroup_kill(b->cgroup);
                if (r < 0)
                        log_debug_errno(r, "Failed to kill the cgroup of box %s: %m", b->name);
        }

        /* The cgroup is enough where it is whole; the kernel ends the rest of a pid namespace with its PID 1. */
        box_kill_init(b);
}

/* One whose end is what led to this is still in the list, and leaves it by itself. */
static Run *find_unfinished(const Box *b) {
        Run *r;

        DL_FOREACH(b->runs, r)
                if (r->state != RUN_FINISHED)
                        return r;

        return NULL;
}

static void abort_runs(Box *b) {
        Run *r;

        /* One may lead to the end of another: begin anew each time. */
        while ((r = find_unfinished(b))) {
                if (b->failure.type == FAILURE_INTERNAL)
                        run_abort(r, VERDICT_INTERNAL_ERROR, b->failure.step, b->failure.error);
                else
                        run_abort(r, VERDICT_CANCELED, b->stopped_from_outside ? STEP_CGROUP : STEP_NONE, 0);
        }
}

void box_stop(Box *b) {
        Failure gone = FAILURE_NULL;

        assert(b);

        if (b->state == BOX_STOPPING)
                return;

        set_state(b, BOX_STOPPING);
        b->deadline = usec_add(manager_now(b->manager), BOX_STOP_TIMEOUT_USEC);
        manager_watch_deadline(b->manager, b->deadline);

        if (b->launch)
                box_launch_abort(b->launch, /* force= */ false);
        else
                box_kill_processes(b);

        if (b->channel)
                box_channel_cancel(b->channel, -ECONNRESET);
        abort_runs(b);

        (void) failure_set(&gone, FAILURE_NO_SUCH_BOX, b->id);
        box_call_waiters(b, &b->ready_waiters, b->failure.type != FAILURE_NONE ? &b->failure : &gone);
        failure_done(&gone);

        box_check_gone(b);
}

static void log_failure(const Box *b, Step step, int error) {
        JournalSubject subject = { .owner = b->owner, .box = b->id };
        const char *id = NULL;

        /* box-adopt.c has said it. */
        if (b->adopting)
                return;

        if (b->state == BOX_STARTING)
                id = MESSAGE_BOX_FAILED;
        else if (error == ECONNRESET)
                id = MESSAGE_SUPERVISOR_DIED;

        (void) journal_log(LOG_WARNING, error, id, &subject, "Box %s failed (%s): %m", b->name,
                           strna(step_to_string(step)));
}

void box_fail(Box *b, Step step, int error) {
        assert(b);

        if (b->state == BOX_STOPPING)
                return;

        log_failure(b, step, error);
        (void) failure_set_internal(&b->failure, step, error);
        box_stop(b);
}

void box_broken(Box *b, Step step, int r) {
        assert(b);
        assert(r < 0);

        if (b->configured && b->init_pidfd >= 0 && IN_SET(r, -EPIPE, -ECONNRESET, -ENOENT, -ENODEV))
                box_kill_init(b);
        else
                box_fail(b, step, r);
}

void box_stopped_from_outside(Box *b) {
        JournalSubject subject;

        assert(b);

        if (b->state == BOX_STOPPING)
                return;

        subject = (JournalSubject) { .owner = b->owner, .box = b->id };
        (void) journal_log(LOG_NOTICE, 0, MESSAGE_BOX_STOPPED, &subject, "Box %s was stopped from outside.", b->name);
        b->stopped_from_outside = true;
        box_stop(b);
}

int box_begin_request(Box *b, usec_t timeout, channel_reply_t callback, void *userdata, uint32_t *ret_serial) {
        usec_t deadline;

        assert(b);

        if (!b->channel || b->state == BOX_STOPPING)
                return -ENOTCONN;

        deadline = usec_add(manager_now(b->manager), timeout);
        manager_watch_deadline(b->manager, deadline);
        return box_channel_begin(b->channel, deadline, callback, userdata, ret_serial);
}

int box_request_file(
                Box *b,
                MessageType type,
                FileFlags flags,
                const char *path,
                int source_fd,
                usec_t timeout,
                channel_reply_t callback,
                void *userdata) {

        uint32_t serial;
        int fd, r;

        r = box_begin_request(b, timeout, callback, userdata, &serial);
        if (r < 0)
                return r;

        fd = box_channel_get_fd(b->channel);
        if (type == MESSAGE_COPY)
                r = message_send_copy(fd, serial, flags, path, source_fd);
        else if (path)
                r = message_send_file(fd, type, serial, flags, path);
        else
                r = message_send_simple(fd, type, serial);

        return box_channel_sent(b->channel, serial, r);
}

static usec_t check_idle_deadlines(Box *b, usec_t now) {
        usec_t next = box_check_hold(b, now);
        Run *r, *following;

        if (b->state == BOX_STOPPING)
                return b->deadline;

        /* Taken over with no run in it: its caller knows by now that it never began. */
        if (b->one_shot && !b->runs) {
                if (now < b->deadline)
                        return b->deadline;

                box_stop(b);
                return b->deadline;
        }

        DL_FOREACH_SAFE(b->runs, r, following) {
                next = MIN(next, run_check_deadline(r, now));
                if (b->state == BOX_STOPPING)
                        return b->deadline;
        }

        return MIN(next, box_channel_check_deadlines(b->channel, now));
}

usec_t box_check_deadlines(Box *b, usec_t now) {
        assert(b);

        if (IN_SET(b->state, BOX_IDLE, BOX_RUNNING))
                return check_idle_deadlines(b, now);

        if (b->deadline > now)
                return b->deadline;

        if (b->state == BOX_STARTING)
                box_fail(b, STEP_SPAWN, ETIMEDOUT);

        /* A process in an uninterruptible sleep holds it up, or a launcher that does not get on. */
        if (b->deadline_missed)
                manager_give_up(b->manager);
        b->deadline_missed = true;
        log_warning("Box %s is still there, trying again to remove it.", b->name);
        if (b->launch)
                box_launch_abort(b->launch, /* force= */ true);
        box_kill_processes(b);

        b->deadline = usec_add(now, BOX_STOP_TIMEOUT_USEC);
        return b->deadline;
}

int box_get_leader_pid(Box *b, pid_t *ret) {
        _cleanup_free_ char *info = NULL, *path = NULL;
        uint64_t pid;
        char *p;
        int r;

        assert(b);
        assert(ret);

        if (b->init_pidfd < 0)
                return -ESRCH;

        path = strprintf("/proc/self/fdinfo/%i", b->init_pidfd);
        if (!path)
                return -ENOMEM;

        r = read_full_file_at(AT_FDCWD, path, 4096, &info, NULL);
        if (r < 0)
                return r;

        /* "-1" once it is dead */
        p = strstr(info, "\nPid:\t");
        if (!p)
                return -ESRCH;
        p += strlen("\nPid:\t");
        p[strcspn(p, "\n")] = '\0';
        if (parse_uint64(p, &pid) < 0 || pid == 0 || pid > INT32_MAX)
                return -ESRCH;

        *ret = (pid_t) pid;
        return 0;
}
