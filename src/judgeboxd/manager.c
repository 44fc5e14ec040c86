/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/random.h>

#include "fd-util.h"
#include "journal.h"
#include "manager.h"
#include "message-ids.h"

static void dispose(Manager *m) {
        Box *b;
        Run *r;

        while ((r = m->disposed_runs)) {
                m->disposed_runs = r->next_disposed;
                (void) run_free(r);
        }

        while ((b = m->disposed_boxes)) {
                m->disposed_boxes = b->next_disposed;
                (void) box_free(b);
        }
}

static int on_dispose(sd_event_source *s, void *userdata) {
        Manager *m = ASSERT_PTR(userdata);

        dispose(m);

        if (m->stopping && !m->boxes)
                return sd_event_exit(m->event, m->result);

        return 0;
}

static void want_dispose(Manager *m) {
        /* Fails only where the loop is over, and then manager_free() does it. */
        (void) sd_event_source_set_enabled(m->dispose_source, SD_EVENT_ONESHOT);
}

void manager_dispose_box(Manager *m, Box *b) {
        assert(m);
        assert(b);

        LL_PREPEND2(m->disposed_boxes, b, next_disposed);
        want_dispose(m);
}

void manager_dispose_run(Manager *m, Run *r) {
        assert(m);
        assert(r);
        assert(r->state == RUN_FINISHED);

        /* Its place in other lists stays as it was: who is going through one goes on from there. */
        LL_PREPEND2(m->disposed_runs, r, next_disposed);
        want_dispose(m);
}

usec_t manager_now(Manager *m) {
        usec_t now;

        assert(m);

        return sd_event_now(m->event, CLOCK_MONOTONIC, &now) < 0 ? now_usec(CLOCK_MONOTONIC) : now;
}

void manager_watch_deadline(Manager *m, usec_t deadline) {
        assert(m);

        if (deadline >= m->next_deadline)
                return;

        m->next_deadline = deadline;
        (void) sd_event_source_set_time(m->deadline_source, deadline);
        (void) sd_event_source_set_enabled(m->deadline_source, SD_EVENT_ONESHOT);
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = ASSERT_PTR(userdata);
        usec_t now = manager_now(m), next = USEC_INFINITY;
        Box *b, *following;

        m->next_deadline = USEC_INFINITY;

        /* A box may go while it is looked at, never another one. */
        HASH_ITER(hh, m->boxes, b, following)
                next = MIN(next, box_check_deadlines(b, now));

        manager_watch_deadline(m, next);
        return 0;
}

static int add_sources(Manager *m) {
        int r;

        r = sd_event_add_defer(m->event, &m->dispose_source, on_dispose, m);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(m->dispose_source, "manager-dispose");

        r = sd_event_source_set_enabled(m->dispose_source, SD_EVENT_OFF);
        if (r < 0)
                return r;

        /* Second for second is exact enough for what never happens. */
        r = sd_event_add_time(m->event, &m->deadline_source, CLOCK_MONOTONIC, 0, USEC_PER_SEC, on_deadline, m);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(m->deadline_source, "manager-deadline");

        return sd_event_source_set_enabled(m->deadline_source, SD_EVENT_OFF);
}

/* Anew from what the host has: the file may allow more again. */
static void apply_cpus(Manager *m) {
        const Config *c = m->config;
        HostCpus cpus = m->cpus;
        int r;

        r = host_cpus_read(&cpus);
        if (r >= 0 && c->run_cpus)
                r = host_cpus_restrict(&cpus, c->run_cpus);
        if (r < 0)
                (void) journal_log(LOG_WARNING, -r, MESSAGE_CONFIG_IGNORED, NULL,
                                   "None of RunCPUs=%s can be used here, ignoring it: %m", strempty(c->run_cpus));

        cpus.exclusive = c->exclusive_cpus;
        m->cpus = cpus;
        cpu_pool_set(m->cpu_pool, &cpus.set, /* root= */ NULL);
}

static void apply_config(Manager *m) {
        const Config *c = m->config;

        apply_cpus(m);
        uid_range_set_bounds(m->uids, (uid_t) c->uid_range_base, (uint32_t) c->uid_range_boxes);
        if (m->host_directories)
                host_directories_set_projects(m->host_directories, (uint32_t) c->project_id_base);
        for (Tenant *t = m->tenants; t; t = t->hh.next)
                admission_set_tenant_bound(m->admission, t->uid, tenant_get_running_max(t));

        /* Last: what now has its turn goes on at once, by what the rest says, and may end and take its tenant away. */
        admission_set_bounds(m->admission,
                             c->concurrent_runs != CONFIG_AUTO ? c->concurrent_runs
                             : m->cpus.exclusive               ? cpu_pool_get_n_cores(m->cpu_pool)
                                                               : m->cpus.n,
                             c->queue_max);
}

void manager_log_config(const Config *c) {
        assert(c);

        STRV_FOREACH(message, c->messages)
                (void) journal_log(LOG_WARNING, 0, MESSAGE_CONFIG_IGNORED, NULL, "%s", *message);
}

int manager_load_config(Manager *m) {
        Config *c;
        int r;

        assert(m);

        r = config_load(m->config_root, &c);
        if (r < 0)
                return r;

        manager_log_config(c);
        (void) config_free(m->config);
        m->config = c;
        apply_config(m);
        return profile_store_reload(m->profiles);
}

int manager_set_bus(Manager *m, sd_bus *bus) {
        assert(m);
        assert(bus);

        authority_set_bus(m->authority, bus);
        return m->cgroups ? cgroup_manager_set_bus(m->cgroups, bus) : 0;
}

int manager_new(sd_event *event, const ManagerOptions *options, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        assert(event);
        assert(options);
        assert(ret);

        m = new(Manager, 1);
        if (!m)
                return -ENOMEM;

        *m = (Manager) {
                .event = sd_event_ref(event),
                .cradle = options->cradle,
                .uids = options->uids,
                .store = options->store,
                .host_directories = options->host_directories,
                .images = options->images,
                .authority = options->authority,
                .config = options->config,
                .config_root = options->config_root,
                .allow_degraded = options->allow_degraded,
                .next_deadline = USEC_INFINITY,
        };

        r = add_sources(m);
        if (r < 0)
                return r;

        r = host_cpus_read(&m->cpus);
        if (r < 0)
                return r;

        r = cpu_pool_new(&m->cpu_pool);
        if (r < 0)
                return r;

        if (!m->authority) {
                r = authority_new_local(&m->authority);
                if (r < 0)
                        return r;
        }

        if (!m->config) {
                r = config_new(&m->config);
                if (r < 0)
                        return r;
        }

        r = profile_store_new(options->profile_directories, &m->profiles);
        if (r < 0)
                return r;

        r = admission_new(1, 0, &m->admission);
        if (r < 0)
                return r;

        if (!m->uids) {
                r = uid_range_new(options->uid_lock_path, &m->uids);
                if (r < 0)
                        return r;
                if (m->store)
                        box_store_add_uids(m->store, m->uids);
        }

        apply_config(m);

        m->cgroups = options->cgroups;
        if (!m->cgroups) {
                r = cgroup_manager_new_tree(options->cgroup_root, &m->cgroups);
                if (r < 0 && r != -EOPNOTSUPP)
                        return log_error_errno(r, "Failed to make a place in the cgroup tree: %m");
        }

        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;

        dispose(m);
        assert(!m->boxes);
        assert(!m->runs);
        assert(!m->tenants);

        observers_done(m);
        m->dispose_source = sd_event_source_unref(m->dispose_source);
        m->deadline_source = sd_event_source_unref(m->deadline_source);
        m->hold_source = sd_event_source_unref(m->hold_source);
        m->store = box_store_free(m->store);
        m->host_directories = host_directories_free(m->host_directories);
        m->images = images_free(m->images);
        m->cgroups = cgroup_manager_free(m->cgroups);
        m->uids = uid_range_free(m->uids);
        m->admission = admission_free(m->admission);
        m->profiles = profile_store_free(m->profiles);
        m->cpu_pool = cpu_pool_free(m->cpu_pool);
        m->config = config_free(m->config);
        m->authority = authority_free(m->authority);
        m->cradle = box_cradle_free(m->cradle);
        m->event = sd_event_unref(m->event);
        return mfree(m);
}

void manager_stop(Manager *m) {
        Box *b, *following;

        assert(m);

        if (m->stopping)
                return;

        m->stopping = true;

        /* First those that wait, or the end of one would begin the next. */
        admission_hold(m->admission, true);
        for (Run *r = m->runs, *next; r; r = next) {
                next = r->manager_next;
                if (r->state == RUN_WAITING)
                        run_abort(r, VERDICT_CANCELED, STEP_NONE, 0);
        }

        HASH_ITER(hh, m->boxes, b, following)
                box_stop(b);

        want_dispose(m);
}

void manager_fail(Manager *m, int r) {
        assert(m);
        assert(r < 0);

        m->result = r;
        if (m->store && !m->stopping)
                (void) sd_event_exit(m->event, r);
        else
                manager_stop(m);
}

void manager_give_up(Manager *m) {
        assert(m);

        if (m->stopping)
                (void) sd_event_exit(m->event, -ETIMEDOUT);
}

CgroupController manager_get_controllers(Manager *m) {
        assert(m);

        return m->cgroups ? cgroup_manager_get_controllers(m->cgroups) : 0;
}

Degraded manager_get_degraded(Manager *m) {
        return cgroup_controllers_to_degraded(manager_get_controllers(m));
}

int manager_check_supported(Manager *m, Failure *f) {
        _cleanup_strv_free_ char **missing = NULL;
        _cleanup_free_ char *names = NULL;
        int r;

        assert(m);

        if (m->cgroups && (m->allow_degraded || manager_get_degraded(m) == 0))
                return 0;

        r = m->cgroups ? cgroup_controllers_to_strv(_CGROUP_CONTROLLERS_ALL & ~manager_get_controllers(m), &missing)
                       : strv_extend(&missing, "cgroup2");
        if (r < 0)
                return r;

        names = strv_join(missing, ", ");
        if (!names)
                return -ENOMEM;

        if (m->cgroups)
                r = failure_set_message(f, FAILURE_NOT_SUPPORTED, NULL,
                                        "This host lacks the cgroup controllers %s, so their limits cannot be enforced "
                                        "exactly; --degrade accepts that.", names);
        else
                r = failure_set_message(f, FAILURE_NOT_SUPPORTED, NULL, "This host has no cgroup2 file system.");

        f->missing = TAKE_PTR(missing);
        return r;
}

#define BOX_NAME_SIZE (10U + 1U + BOX_ID_SIZE)

Box *manager_find_box(Manager *m, uid_t owner, const char *id) {
        char name[BOX_NAME_SIZE];
        Box *b;
        int n;

        assert(m);
        assert(id);

        n = snprintf(name, sizeof(name), "%u-%s", owner, id);
        if (n < 0 || (size_t) n >= sizeof(name))
                return NULL;

        HASH_FIND_STR(m->boxes, name, b);
        return b;
}

void manager_pick_id(Manager *m, uid_t owner, char letter, char ret[static BOX_ID_SIZE]) {
        assert(m);

        /* No counter: one tenant could read from it what others do. */
        do {
                uint64_t number = 0;

                /* So few bytes always come, and at once. */
                (void) getrandom(&number, sizeof(number), 0);
                (void) snprintf(ret, BOX_ID_SIZE, "%c%010" PRIx64, letter, number & UINT64_C(0xffffffffff));
        } while (manager_find_box(m, owner, ret));
}

bool manager_has_project(Manager *m, uint32_t project) {
        Box *b, *following;

        assert(m);

        HASH_ITER(hh, m->boxes, b, following)
                if (b->directory_project == project)
                        return true;

        return false;
}

size_t manager_count_active_runs(Manager *m) {
        size_t n = 0;
        Box *b, *following;

        assert(m);

        HASH_ITER(hh, m->boxes, b, following)
                n += b->n_active_runs;

        return n;
}
