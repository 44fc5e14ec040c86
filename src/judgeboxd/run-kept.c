/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box.h"
#include "manager.h"
#include "run-internal.h"
#include "tenant.h"

int run_adopt(Box *b, const MessageRunEntry *entry, const char *program, RunCgroup *cgroup) {
        RunRequest request;
        usec_t timeout;
        uint32_t serial;
        Run *r;
        int q;

        assert(b);
        assert(entry);
        assert(program);

        run_request_init(&request);
        q = strv_extend(&request.spec.argv, program);
        if (q < 0)
                return q;

        r = new(Run, 1);
        if (!r) {
                run_request_done(&request);
                return -ENOMEM;
        }

        memcpy(request.spec.limits.values, entry->limits, sizeof(entry->limits));
        request.spec.limits.set = (UINT32_C(1) << _LIMIT_TYPE_MAX) - 1;
        request.spec.keep = entry->keep;

        tenant_adopt_run(b->tenant);
        run_init(r, b->manager, b->tenant, b, &request);
        r->number = entry->run;
        r->cgroup = cgroup;
        r->queued_usec = RESULT_UNKNOWN;
        r->deadline = entry->keep ? USEC_INFINITY : usec_add(manager_now(b->manager), RUN_ORPHAN_USEC);
        r->ended = entry->state == MESSAGE_RUN_FINISHED;
        if (!r->ended && b->manager->cpus.exclusive)
                cpu_pool_adopt(b->manager->cpu_pool, &entry->cpus, &r->cpus);
        run_set_state(r, RUN_EXECUTING);
        manager_watch_deadline(b->manager, r->deadline);

        /* From here on it is the box's: if this fails, so does the box, which ends it. */
        timeout = usec_add(entry->limits[LIMIT_WALL_TIME], RUN_GRACE_USEC);
        q = r->ended ? 0 : admission_adopt(b->manager->admission, b->owner, tenant_get_running_max(b->tenant),
                                           &r->ticket);
        if (q >= 0)
                q = box_begin_request(b, timeout, run_on_finished, r, &serial);
        if (q >= 0)
                q = box_channel_sent(b->channel, serial,
                                     message_send_run(box_channel_get_fd(b->channel), MESSAGE_COLLECT, serial, r->number,
                                                      /* again= */ true));
        if (q >= 0)
                r->n_requests++;
        return q;
}

Run *run_find(Box *b, uint64_t number) {
        Run *r;

        DL_FOREACH(b->runs, r)
                if (r->number == number)
                        return r;

        return NULL;
}

int run_attach(
                Box *b,
                uint64_t number,
                RunRequest *request,
                run_done_t done,
                void *userdata,
                Run **ret,
                Failure *f) {

        Run *r;

        assert(b);
        assert(number > 0);
        assert(request);
        assert(done);
        assert(ret);

        r = run_find(b, number);
        if (!r)
                return failure_set_number(f, FAILURE_NO_SUCH_RUN, NULL, number);
        if (r->done)
                return failure_set(f, FAILURE_BOX_BUSY, b->id);

        memcpy(r->request.out_files, request->out_files, sizeof(request->out_files));
        r->request.n_out_files = request->n_out_files;
        request->n_out_files = 0;

        r->done = done;
        r->userdata = userdata;
        r->deadline = USEC_INFINITY;
        *ret = r;

        if (r->state == RUN_KEPT)
                run_ended(r);

        return 0;
}

bool run_detach(Run *r) {
        assert(r);

        if (!r->request.spec.keep || r->state != RUN_EXECUTING)
                return false;

        r->done = NULL;
        r->started = NULL;
        r->userdata = NULL;
        for (size_t i = 0; i < r->request.n_out_files; i++)
                r->request.out_files[i] = mfree(r->request.out_files[i]);
        r->request.n_out_files = 0;
        return true;
}

static void forget_oldest(Tenant *t) {
        for (Run *r = t->manager->runs; r; r = r->manager_next)
                if (r->tenant == t && r->state == RUN_KEPT) {
                        run_finish(r, NULL);
                        return;
                }
}

void run_keep(Run *r) {
        run_set_state(r, RUN_KEPT);
        cpu_pool_release(&r->cpus);
        admission_leave(&r->ticket);
        box_run_ended(r->box, TAKE_PTR(r->cgroup));

        r->deadline = usec_add(manager_now(r->manager), r->request.spec.keep ? RUN_KEPT_USEC : RUN_ORPHAN_USEC);
        manager_watch_deadline(r->manager, r->deadline);

        if (r->tenant->n_kept > RUNS_KEPT_MAX)
                forget_oldest(r->tenant);
}

usec_t run_check_deadline(Run *r, usec_t now) {
        assert(r);

        if (r->done)
                return USEC_INFINITY;
        if (r->deadline > now)
                return r->deadline;

        if (r->state == RUN_KEPT) {
                run_finish(r, NULL);
                return USEC_INFINITY;
        }

        /* Whose caller is gone is canceled. It is kept all the same: who comes late is to know. */
        r->deadline = USEC_INFINITY;
        run_kill(r);
        return USEC_INFINITY;
}
