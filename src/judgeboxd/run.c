/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-store.h"
#include "box.h"
#include "fd-util.h"
#include "journal.h"
#include "manager.h"
#include "message-ids.h"
#include "parse-util.h"
#include "run-internal.h"
#include "tenant.h"

/* For what takes no time at all, if all is well. */
#define COPY_TIMEOUT_USEC (300 * USEC_PER_SEC)
#define OPEN_TIMEOUT_USEC (30 * USEC_PER_SEC)

static const char *const run_state_table[_RUN_STATE_MAX] = {
        [RUN_WAITING] = "waiting",       [RUN_STARTING] = "starting", [RUN_EXECUTING] = "executing",
        [RUN_KEPT] = "kept",             [RUN_COLLECTING] = "collecting", [RUN_FINISHED] = "finished",
};

DEFINE_STRING_TABLE_LOOKUP(run_state, RunState);

void run_request_init(RunRequest *q) {
        *q = (RunRequest) { .streamed_fds = { -EBADF, -EBADF, -EBADF } };
        run_spec_init(&q->spec);
}

void run_request_done(RunRequest *q) {
        assert(q);

        run_spec_done(&q->spec);
        q->profile = mfree(q->profile);
        for (size_t i = 0; i < q->n_in_files; i++) {
                q->in_files[i].fd = safe_close(q->in_files[i].fd);
                q->in_files[i].path = mfree(q->in_files[i].path);
        }
        for (size_t i = 0; i < q->n_out_files; i++)
                q->out_files[i] = mfree(q->out_files[i]);
        q->n_in_files = q->n_out_files = 0;
        for (size_t i = 0; i < ELEMENTSOF(q->streamed_fds); i++)
                q->streamed_fds[i] = safe_close(q->streamed_fds[i]);
}

void run_set_state(Run *r, RunState state) {
        RunState before = r->state;

        log_debug("Run %" PRIu64 " of box %s: %s -> %s.", r->number, r->box ? r->box->name : "(its own)",
                  run_state_to_string(before), run_state_to_string(state));
        r->tenant->n_kept += state == RUN_KEPT;
        r->tenant->n_kept -= before == RUN_KEPT;
        r->state = state;

        observers_tell_run(r, before);
}

/* What the program was given is judgebox-init's now: a tenant's descriptors are not kept. */
static void close_spec_fds(RunSpec *s) {
        for (size_t i = 0; i < ELEMENTSOF(s->streams); i++)
                s->streams[i].fd = safe_close(s->streams[i].fd);
        s->exec_fd = safe_close(s->exec_fd);
        s->filter_fd = safe_close(s->filter_fd);
        close_many(s->extra_fds, s->n_extra_fds);
        s->n_extra_fds = 0;
}

void run_init(Run *r, Manager *m, Tenant *tenant, Box *box, RunRequest *request) {
        *r = (Run) {
                .manager = m,
                .tenant = tenant,
                .box = box,
                .state = RUN_WAITING,
                .request = *request,
                .output_fds = EBADF_PAIR,
                .deadline = USEC_INFINITY,
        };
        for (size_t i = 0; i < ELEMENTSOF(r->out_fds); i++)
                r->out_fds[i] = -EBADF;
        for (size_t i = 0; i < ELEMENTSOF(r->files); i++)
                r->files[i] = (RunFile) { .run = r, .index = i };
        run_request_init(request);
        run_result_init(&r->result);
        box_settings_init(&r->settings);

        if (box)
                DL_APPEND(box->runs, r);
        DL_APPEND2(m->runs, r, manager_prev, manager_next);
}

/* The run's own profile, or the box's, or the service's default. */
static int open_filter(Manager *m, const BoxSettings *settings, RunRequest *request, Failure *f) {
        const char *profile = request->profile ?: settings->profile ?: m->config->profile;

        return profile_store_open_filter(m->profiles, profile, "profile", request->spec.trace, &request->spec.filter_fd, f);
}

int run_new(
                Manager *m,
                Tenant *tenant,
                Box *box,
                RunRequest *request,
                BoxSettings *settings,
                run_done_t done,
                void *userdata,
                Run **ret,
                Failure *f) {

        RunSpec *spec;
        Run *r;
        int q;

        assert(m);
        assert(tenant);
        assert(request);
        assert(box || settings);
        assert(done);
        assert(ret);

        spec = &request->spec;
        if (!request->trace_given)
                spec->trace = box ? box->settings.trace : settings->trace;

        q = open_filter(m, box ? &box->settings : settings, request, f);
        if (q != 0)
                return q;

        if (spec->allowed_paths.n == 0) {
                q = path_rules_copy(box ? &box->settings.allowed_paths : &settings->allowed_paths, &spec->allowed_paths);
                if (q < 0)
                        return q;
        }

        q = limits_inherit(&spec->limits, box ? &box->settings.limits : &settings->limits);
        if (q >= 0)
                q = limits_inherit(&spec->limits, &m->config->limits);
        if (q >= 0)
                q = limits_apply_defaults(&spec->limits);
        if (q < 0)
                return q;

        r = new(Run, 1);
        if (!r)
                return -ENOMEM;

        q = tenant_add_run(tenant, f);
        if (q != 0) {
                free(r);
                return q;
        }

        run_init(r, m, tenant, box, request);
        r->done = done;
        r->userdata = userdata;
        if (!box) {
                r->settings = *settings;
                box_settings_init(settings);
        }

        *ret = r;
        return 0;
}

Run *run_free(Run *r) {
        if (!r)
                return NULL;

        assert(!r->box);
        assert(!r->ticket.admission);
        assert(r->n_requests == 0);

        run_request_done(&r->request);
        box_settings_done(&r->settings);
        observed_done(&r->observed);
        close_many(r->output_fds, ELEMENTSOF(r->output_fds));
        close_many(r->out_fds, ELEMENTSOF(r->out_fds));
        return mfree(r);
}

/* Once nothing points to it any more. */
void run_check_unused(Run *r) {
        if (r->state == RUN_FINISHED && r->n_requests == 0)
                manager_dispose_run(r->manager, r);
}

/* The reply first; then whose turn it is; then what costs time. */
void run_finish(Run *r, const Failure *failure) {
        Box *box;

        assert(r->state != RUN_FINISHED);
        run_set_state(r, RUN_FINISHED);

        /* With the box goes what is under way there: its answers come in here, and must not be the last there is to it. */
        r->n_requests++;

        if (r->done)
                r->done(r, failure, r->userdata);
        close_spec_fds(&r->request.spec);

        cpu_pool_release(&r->cpus);
        admission_leave(&r->ticket);
        DL_DELETE2(r->manager->runs, r, manager_prev, manager_next);
        tenant_remove_run(r->tenant);

        /* A box that ends with it tells what is under way for it: with the last of that it is not to go twice. */
        r->n_requests++;
        box = TAKE_PTR(r->box);
        if (box) {
                DL_DELETE(box->runs, r);
                box_run_finished(box, r->number, TAKE_PTR(r->cgroup));
        }
        r->n_requests--;

        r->n_requests--;
        run_check_unused(r);
}

static void run_fail(Run *r, int q, Failure *f) {
        (void) failure_take(f, q);
        run_finish(r, f);
        failure_done(f);
}

void run_abort(Run *r, Verdict verdict, Step step, int error) {
        assert(r);

        if (r->state == RUN_FINISHED)
                return;

        if (!r->done && verdict == VERDICT_INTERNAL_ERROR)
                journal_log(LOG_WARNING, error, MESSAGE_RUN_LOST,
                            &(JournalSubject) { .owner = r->tenant->uid, .box = r->box->id, .run = r->number },
                            "The verdict of run %" PRIu64 " of box %s is lost: %m", r->number, r->box->name);

        if (verdict == VERDICT_INTERNAL_ERROR && IN_SET(r->state, RUN_WAITING, RUN_STARTING)) {
                Failure f = FAILURE_NULL;

                (void) failure_set_internal(&f, step, error);
                run_fail(r, f.type, &f);
                return;
        }

        /* A result that is there already stands. */
        if (!IN_SET(r->state, RUN_KEPT, RUN_COLLECTING)) {
                run_result_init(&r->result);
                r->result.verdict = verdict;
                r->result.step = step;
                r->result.error = error;
        }

        run_finish(r, NULL);
}

static void on_out_file(int q, Message *m, void *userdata) {
        RunFile *file = ASSERT_PTR(userdata);
        Run *r = file->run;

        r->n_requests--;
        if (r->state != RUN_COLLECTING) {
                run_check_unused(r);
                return;
        }

        if (q >= 0 && m->header.type == MESSAGE_REPLY && m->reply.error == 0 && m->n_fds == 1)
                r->out_fds[file->index] = message_next_fd(m);
        if (r->n_requests == 0)
                run_finish(r, NULL);
}

/* A file that cannot be handed out is missing in the reply: the verdict stands all the same. */
static void run_collect(Run *r) {
        run_set_state(r, RUN_COLLECTING);

        for (size_t i = 0; i < r->request.n_out_files; i++) {
                int q = box_request_file(r->box, MESSAGE_OPEN, 0, r->request.out_files[i], -EBADF, OPEN_TIMEOUT_USEC,
                                         on_out_file, r->files + i);
                if (q < 0)
                        log_debug_errno(q, "Failed to ask for a file of box %s: %m", r->box->name);
                else
                        r->n_requests++;
        }

        if (r->n_requests == 0)
                run_finish(r, NULL);
}

void run_ended(Run *r) {
        if (!r->done)
                run_keep(r);
        else if (r->request.n_out_files > 0)
                run_collect(r);
        else
                run_finish(r, NULL);
}

void run_on_finished(int q, Message *m, void *userdata) {
        Run *r = ASSERT_PTR(userdata);

        r->n_requests--;
        if (q < 0 || r->state != RUN_EXECUTING) {
                /* The box is going, and ends its runs itself. */
                run_check_unused(r);
                return;
        }

        if (m->header.type != MESSAGE_FINISHED ||
            m->finished.run != r->number ||
            message_parse_finished(m, &r->result, &r->observed, r->output_fds + 0, r->output_fds + 1) < 0) {
                box_fail(r->box, STEP_PROTOCOL, EBADMSG);
                return;
        }

        if (run_is_doubtful(r))
                run_settle(r);
        else
                run_ended(r);
}

static int prepare(Run *r, Failure *f) {
        int q;

        /* Asked again, because the box may have got less than was expected when it was made. */
        q = manager_check_supported(r->manager, f);
        if (q != 0)
                return q;
        r->request.spec.degraded = manager_get_degraded(r->manager);

        q = box_take_cgroup(r->box, &r->request.spec.limits, &r->number, &r->cgroup);
        if (q == -ENXIO)
                return failure_set_message(f, FAILURE_LIMIT_OUT_OF_RANGE, "limits.cpuSet",
                                           "Not all of these CPUs can be used here.");
        if (q == -EOPNOTSUPP)
                return failure_set_message(f, FAILURE_LIMIT_OUT_OF_RANGE, "limits.cpuPercent",
                                           "limits.cpuPercent needs the cgroup controller cpu, which this host lacks.");
        if (q < 0)
                return failure_set_internal(f, STEP_CGROUP, q);

        /* The caller can only come back to a box that outlives us. */
        box_store_add(r->box);
        return 0;
}

static int launch(Run *r, Failure *f) {
        usec_t timeout = usec_add(r->request.spec.limits.values[LIMIT_WALL_TIME], RUN_GRACE_USEC);
        uint32_t serial;
        int q;

        /* Before judgebox-init hears of it: whoever is told of no run can be sure that there was none. */
        if (r->started)
                r->started(r, r->userdata);

        q = box_begin_request(r->box, timeout, run_on_finished, r, &serial);
        if (q >= 0)
                q = box_channel_sent(r->box->channel, serial,
                                     message_send_execute(box_channel_get_fd(r->box->channel), serial, r->number,
                                                          &r->request.spec));
        if (q < 0)
                return failure_set_internal(f, STEP_PROTOCOL, q);

        r->n_requests++;
        run_set_state(r, RUN_EXECUTING);
        close_spec_fds(&r->request.spec);
        box_run_began(r->box);
        return 0;
}

bool run_prepare(Run *r) {
        Failure f = FAILURE_NULL;
        int q;

        assert(r);

        q = prepare(r, &f);
        if (q != 0)
                run_fail(r, q, &f);
        return q == 0;
}

bool run_launch(Run *r) {
        Failure f = FAILURE_NULL;
        int q;

        assert(r);

        q = launch(r, &f);
        if (q != 0)
                run_fail(r, q, &f);
        return q == 0;
}

static void run_go(Run *r) {
        if (r->ready)
                r->ready(r, r->userdata);
        else if (run_prepare(r))
                (void) run_launch(r);
}

static void on_in_file(int q, Message *m, void *userdata) {
        RunFile *file = ASSERT_PTR(userdata);
        Run *r = file->run;

        r->n_requests--;
        if (q < 0 || r->state != RUN_STARTING)
                run_check_unused(r);
        else if (m->header.type != MESSAGE_REPLY)
                box_fail(r->box, STEP_PROTOCOL, EBADMSG);
        else if (m->reply.error != 0) {
                Failure f = FAILURE_NULL;

                run_fail(r, failure_set_file(&f, r->request.in_files[file->index].path, m->reply.error), &f);
        } else if (r->n_requests == 0)
                run_go(r);
}

static int send_in_files(Run *r) {
        r->in_files_sent = true;

        for (size_t i = 0; i < r->request.n_in_files; i++) {
                InFile *file = r->request.in_files + i;
                int q;

                q = box_request_file(r->box, MESSAGE_COPY, FILE_PARENTS | (file->executable ? FILE_EXECUTABLE : 0),
                                     file->path, file->fd, COPY_TIMEOUT_USEC, on_in_file, r->files + i);
                if (q < 0)
                        return q;

                file->fd = safe_close(file->fd);
                r->n_requests++;
        }

        return 0;
}

void run_proceed(Run *r) {
        Failure f = FAILURE_NULL;
        int q;

        assert(r);

        if (r->state != RUN_STARTING || !box_is_launched(r->box) || r->in_files_sent)
                return;

        if (!box_has_room(r->box)) {
                run_fail(r, failure_set(&f, FAILURE_BOX_BUSY, r->box->id), &f);
                return;
        }

        q = send_in_files(r);
        if (q < 0)
                run_fail(r, failure_set(&f, FAILURE_BOX_BUSY, r->box->id), &f);
        else if (r->n_requests == 0)
                run_go(r);
}

/* A box of its own, in which it is the only run. */
static int make_box(Run *r, Failure *f) {
        char id[BOX_ID_SIZE];
        int q;

        manager_pick_id(r->manager, r->tenant->uid, 'r', id);

        q = box_new(r->manager, r->tenant, id, &r->settings, /* one_shot= */ true, &r->box, f);
        if (q != 0)
                return q;

        DL_APPEND(r->box->runs, r);
        return box_start(r->box, f);
}

uint64_t run_get_n_cpus(const Run *r) {
        uint64_t n;

        assert(r);

        n = r->request.spec.limits.values[LIMIT_CPUS];
        return n == LIMIT_NONE ? 1 : n;
}

int run_set_cpus(Run *r, const cpu_set_t *cpus, bool own) {
        Limits *l = &r->request.spec.limits;

        free(l->cpu_set);
        l->cpu_set = format_cpu_set(cpus);
        r->has_cpus = own;
        return l->cpu_set ? 0 : -ENOMEM;
}

static bool take_cpus(AdmissionTicket *t, void *userdata) {
        Run *r = ASSERT_PTR(userdata);

        return cpu_pool_take(r->manager->cpu_pool, run_get_n_cpus(r), &r->cpus);
}

/* Which CPUs, where the request cannot say. */
static int choose_cpus(Run *r) {
        const HostCpus *cpus = &r->manager->cpus;

        if (r->cpus.pool)
                return run_set_cpus(r, &r->cpus.usable, /* own= */ true);

        return cpus->restricted && !r->request.spec.limits.cpu_set ? run_set_cpus(r, &cpus->set, /* own= */ false) : 0;
}

void run_begin(Run *r) {
        Failure f = FAILURE_NULL;
        int q;

        assert(r);

        r->queued_usec = usec_sub(manager_now(r->manager), r->ticket.entered_usec);
        run_set_state(r, RUN_STARTING);

        q = choose_cpus(r);
        if (q < 0) {
                run_fail(r, q, &f);
                return;
        }

        if (!r->box) {
                q = make_box(r, &f);
                if (q != 0) {
                        run_fail(r, q, &f);
                        return;
                }
        }

        run_proceed(r);
}

static void on_admitted(AdmissionTicket *t, void *userdata) {
        Run *r = ASSERT_PTR(userdata);
        Failure f = FAILURE_NULL;
        int q;

        q = open_filter(r->manager, r->box ? &r->box->settings : &r->settings, &r->request, &f);
        if (q == 0)
                run_begin(r);
        else
                run_fail(r, q, &f);
}

void run_submit(Run *r) {
        Failure f = FAILURE_NULL;
        int q;

        assert(r);

        q = admission_enter(r->manager->admission,
                            &(AdmissionWish) {
                                    .tenant = r->tenant->uid,
                                    .max_running = tenant_get_running_max(r->tenant),
                                    .priority = r->request.priority,
                                    .reserve = r->manager->cpus.exclusive ? take_cpus : NULL,
                            },
                            manager_now(r->manager), &r->ticket, on_admitted, r);
        if (q == -ENOBUFS)
                q = failure_set_number(&f, FAILURE_QUOTA_EXCEEDED, "waiting runs", r->manager->config->queue_max);
        if (q == 1)
                run_begin(r);
        else if (q != 0)
                run_fail(r, q, &f);
        else /* thousands may wait: its filter is opened again when it goes on */
                r->request.spec.filter_fd = safe_close(r->request.spec.filter_fd);
}

void run_kill(Run *r) {
        int q;

        q = message_send_run(box_channel_get_fd(r->box->channel), MESSAGE_KILL, CHANNEL_SERIAL_NONE, r->number,
                             /* again= */ false);
        if (q < 0)
                box_broken(r->box, STEP_PROTOCOL, q);
}

void run_end(Run *r) {
        assert(r);

        if (r->state == RUN_EXECUTING)
                run_kill(r);
        else if (!IN_SET(r->state, RUN_KEPT, RUN_COLLECTING))
                run_cancel(r);
}

void run_cancel(Run *r) {
        assert(r);

        if (r->box && r->box->one_shot && r->done) {
                box_stop(r->box);
                return;
        }

        switch (r->state) {
        case RUN_WAITING:
        case RUN_STARTING:
                run_abort(r, VERDICT_CANCELED, STEP_NONE, 0);
                break;
        case RUN_EXECUTING:
                run_kill(r);
                break;
        default:
                break;
        }
}
