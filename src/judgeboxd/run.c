/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box.h"
#include "fd-util.h"
#include "journal.h"
#include "manager.h"
#include "message-ids.h"
#include "run-internal.h"
#include "tenant.h"

/* For what takes no time at all, if all is well. */
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
        if (r->box) {
                r->box->n_active_runs += state == RUN_EXECUTING;
                r->box->n_active_runs -= before == RUN_EXECUTING;
        }
        r->state = state;

        observers_tell_run(r, before);
}

void run_close_fds(Run *r) {
        RunSpec *s = &r->request.spec;

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

int run_open_filter(Manager *m, const BoxSettings *settings, RunRequest *request, Failure *f) {
        const char *profile = request->profile ?: settings->profile ?: m->config->profile;

        return profile_store_open_filter(m->profiles, profile, "profile", request->spec.trace,
                                         &request->spec.filter_fd, f);
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

        q = run_open_filter(m, box ? &box->settings : settings, request, f);
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
        run_close_fds(r);

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

void run_fail(Run *r, int q, Failure *f) {
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
