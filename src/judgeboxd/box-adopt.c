/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "box-adopt.h"
#include "box-file.h"
#include "box-hold.h"
#include "box-internal.h"
#include "box-store.h"
#include "fd-util.h"
#include "journal.h"
#include "message-ids.h"
#include "tenant.h"

/* A request of before may keep judgebox-init busy: the copy of a large file. */
#define ADOPT_TIMEOUT_USEC (60 * USEC_PER_SEC)

/* How long runs wait for boxes that do not answer, so that they do not disturb those that go on already. */
#define ADOPT_HOLD_USEC (2 * USEC_PER_SEC)

static int on_hold_over(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = ASSERT_PTR(userdata);

        admission_hold(m->admission, false);
        return 0;
}

static void adoption_done(Manager *m) {
        if (--m->n_adopting > 0)
                return;

        m->hold_source = sd_event_source_disable_unref(m->hold_source);
        admission_hold(m->admission, false);

        (void) journal_log(LOG_INFO, 0, MESSAGE_BOXES_ADOPTED, &(JournalSubject) { .owner = JOURNAL_NOBODY },
                           "Took over %zu boxes with %zu runs, of which %zu have ended; %zu boxes had to be ended.",
                           m->n_adopted, m->n_adopted_runs, m->n_adopted_results, m->n_not_adopted);
}

static void not_adopted(Box *b, int error) {
        b->manager->n_not_adopted++;
        (void) journal_log(LOG_WARNING, error, MESSAGE_BOX_NOT_ADOPTED,
                           &(JournalSubject) { .owner = b->owner, .box = b->id },
                           "Failed to take over box %s, ending it: %m", b->name);
}

static void box_adopted(Box *b) {
        b->adopting = false;
        b->configured = true;
        b->manager->n_adopted++;

        if (b->one_shot && !b->runs) {
                b->deadline = usec_add(manager_now(b->manager), RUN_ORPHAN_USEC);
                manager_watch_deadline(b->manager, b->deadline);
        }
        box_let_go(b);

        box_update_state(b);
        box_prepare_next(b);
        box_call_waiters(b, &b->ready_waiters, NULL);
}

static int adopt_run(Box *b, const MessageRunEntry *e, const char *program) {
        RunCgroup *cgroup = NULL;
        int r;

        if (e->run == 0 || e->run > b->last_run)
                return -EBADMSG;

        if (e->state == MESSAGE_RUN_PREPARED)
                return message_send_run(box_channel_get_fd(b->channel), MESSAGE_COLLECT, CHANNEL_SERIAL_NONE, e->run,
                                        /* again= */ false);

        if (e->state == MESSAGE_RUN_EXECUTING) {
                if (!box_has_room(b))
                        return -EBADMSG;

                r = run_cgroup_adopt(b->cgroup, e->run, &cgroup);
                if (r < 0)
                        return r;
                b->n_cgroups++;
        } else
                b->manager->n_adopted_results++;

        b->manager->n_adopted_runs++;
        return run_adopt(b, e, program, cgroup);
}

static bool run_has_cgroup(Box *b, uint64_t number) {
        Run *r;

        DL_FOREACH(b->runs, r)
                if (r->number == number)
                        return r->cgroup;

        return false;
}

/* Those of runs that have ended, and one that was prepared: empty all of them. */
static int remove_cgroups(Box *b) {
        _cleanup_free_ uint64_t *numbers = NULL;
        size_t n;
        int r;

        r = box_cgroup_list_runs(b->cgroup, &numbers, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                RunCgroup *c;

                /* Its number was given out, even if judgebox-init never heard of it. */
                b->last_run = MAX(b->last_run, numbers[i]);
                if (!run_has_cgroup(b, numbers[i]) && run_cgroup_adopt(b->cgroup, numbers[i], &c) >= 0)
                        (void) run_cgroup_free(c);
        }

        return 0;
}

static int adopt_runs(Box *b, const Message *m) {
        MessageRunEntry entry;
        const char *program;
        size_t place = 0;
        int r;

        b->last_run = m->reply.value;
        b->n_executed = m->reply.value2;

        while ((r = message_next_run(m, &place, &entry, &program)) > 0) {
                r = adopt_run(b, &entry, program);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : remove_cgroups(b);
}

static void on_runs(int r, Message *m, void *userdata) {
        Box *b = ASSERT_PTR(userdata);
        Manager *manager = b->manager;

        if (r >= 0)
                r = m->header.type != MESSAGE_REPLY || m->reply.error != 0 ? -EBADMSG : adopt_runs(b, m);
        if (r >= 0)
                box_adopted(b);
        else {
                not_adopted(b, r);
                box_fail(b, STEP_PROTOCOL, r);
        }

        adoption_done(manager);
}

static int ask_for_runs(Box *b) {
        uint32_t serial;
        int r;

        r = box_channel_resume(b->channel);
        if (r >= 0)
                r = box_begin_request(b, ADOPT_TIMEOUT_USEC, on_runs, b, &serial);
        if (r >= 0)
                r = box_channel_sent(b->channel, serial,
                                     message_send_simple(box_channel_get_fd(b->channel), MESSAGE_RUNS, serial));
        return r;
}

/* The box is there from here on: what fails ends it, as it would any box. */
static int adopt_parts(Box *b, int socket_fd, uid_t uid_base) {
        Manager *m = b->manager;
        int r;

        r = box_watch_init(b, socket_fd);
        if (r < 0)
                return r;

        r = uid_range_adopt(m->uids, uid_base);
        if (r < 0)
                return r;
        b->uid_base = uid_base;
        b->has_uid_base = true;

        r = box_cgroup_adopt(m->cgroups, b->owner, b->id, &b->cgroup);
        if (r < 0)
                return r;
        box_watch_cgroup(b);

        b->deadline = usec_add(manager_now(m), ADOPT_TIMEOUT_USEC);
        manager_watch_deadline(m, b->deadline);
        return ask_for_runs(b);
}

/* Takes the descriptors over if it succeeds: the box is there then, perhaps on its way out already. */
static int adopt_box(Manager *m, BoxFile *f, int socket_fd, int init_pidfd) {
        Tenant *t;
        Box *b;
        int r;

        r = tenant_get(m, f->owner, &t);
        if (r < 0)
                return r;

        r = box_new_adopted(m, t, f->id, &f->settings, f->one_shot, &b);
        if (r < 0) {
                tenant_put(t);
                return r;
        }

        b->adopting = b->stored = true;
        b->until_disconnect = f->until_disconnect;
        b->created_usec = f->created_usec;
        b->init_pidfd = init_pidfd;
        b->directory_project = f->directory_project;

        r = adopt_parts(b, socket_fd, f->uid_base);
        if (r >= 0)
                m->n_adopting++;
        else {
                not_adopted(b, r);
                box_fail(b, STEP_PROTOCOL, r);
        }
        return 0;
}

static void end_box(Manager *m, const char *name, int init_pidfd) {
        if (init_pidfd >= 0 && syscall(SYS_pidfd_send_signal, init_pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
                (void) log_debug_errno(errno, "Failed to kill judgebox-init of box %s: %m", name);

        /* Its cgroups are strays now. */
        box_store_remove(m->store, name);
}

static void adopt_stored(Manager *m, const char *name, int socket, int pidfd) {
        _cleanup_close_ int socket_fd = socket, init_pidfd = pidfd;
        _cleanup_(box_file_done) BoxFile f = BOX_FILE_NULL;
        JournalSubject subject = { .owner = JOURNAL_NOBODY };
        int r;

        r = socket_fd < 0 || init_pidfd < 0 ? -EBADF : box_file_read(box_store_get_dir_fd(m->store), name, &f);
        if (f.id)
                subject = (JournalSubject) { .owner = f.owner, .box = f.id };
        if (r >= 0)
                r = adopt_box(m, &f, socket_fd, init_pidfd);
        if (r >= 0) {
                socket_fd = init_pidfd = -EBADF;
                return;
        }

        m->n_not_adopted++;
        if (r == -EPROTONOSUPPORT)
                (void) journal_log(LOG_WARNING, r, MESSAGE_BOX_NOT_ADOPTED, &subject,
                                   "Box %s was made by another version of judgebox (protocol %u, not %u), ending it.",
                                   name, f.protocol, PROTOCOL_VERSION);
        else
                (void) journal_log(LOG_WARNING, r, MESSAGE_BOX_NOT_ADOPTED, &subject,
                                   "Failed to take over box %s, ending it: %m", name);

        end_box(m, name, init_pidfd);
}

/* "<uid>-<id>" */
static bool is_box_name(const char *s) {
        size_t n = strspn(s, "0123456789");

        return n > 0 && s[n] == '-';
}

static void adopt_all(Manager *m, PassedFds *fds) {
        for (size_t i = 0, end; i < fds->n; i = end) {
                const char *name = fds->items[i].name;
                int socket_fd = -EBADF, init_pidfd = -EBADF;

                for (end = i; end < fds->n && streq(fds->items[end].name, name); end++) {
                        struct stat st;
                        int *fd;

                        if (!is_box_name(name) || fstat(fds->items[end].fd, &st) < 0)
                                continue;

                        fd = S_ISSOCK(st.st_mode) ? &socket_fd : &init_pidfd;
                        if (*fd < 0)
                                *fd = TAKE_FD(fds->items[end].fd);
                }

                if (is_box_name(name))
                        adopt_stored(m, name, socket_fd, init_pidfd);
        }
}

int manager_adopt(Manager *m, PassedFds *fds) {
        int r;

        assert(m);
        assert(m->store);
        assert(fds);

        admission_hold(m->admission, true);
        r = sd_event_add_time_relative(m->event, &m->hold_source, CLOCK_MONOTONIC, ADOPT_HOLD_USEC, 0, on_hold_over, m);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(m->hold_source, "manager-adopt");

        /* Until all are here the work is not done. */
        m->n_adopting = 1;
        adopt_all(m, fds);

        if (m->cgroups) {
                r = cgroup_manager_kill_strays(m->cgroups);
                if (r < 0)
                        (void) log_warning_errno(r, "Failed to look for cgroups of earlier boxes: %m");
        }

        r = box_store_clean(m->store, m);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to look for files of earlier boxes: %m");

        if (m->n_adopting > 1 || m->n_not_adopted > 0)
                adoption_done(m);
        else {
                m->n_adopting = 0;
                m->hold_source = sd_event_source_disable_unref(m->hold_source);
                admission_hold(m->admission, false);
        }

        return 0;
}
