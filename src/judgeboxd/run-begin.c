/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the queue to the start: a run waits for its turn, has a box made if it has none, sends the files that go in, gets
 * its cgroup, and is handed over to judgebox-init. */

#include "box-store.h"
#include "box.h"
#include "fd-util.h"
#include "manager.h"
#include "parse-util.h"
#include "run-internal.h"
#include "tenant.h"

/* For what takes no time at all, if all is well. */
#define COPY_TIMEOUT_USEC (300 * USEC_PER_SEC)

static int prepare(Run *r, Failure *f) {
        int q;

        /* Asked again, because the box may have got less than was expected when it was made. */
        q = manager_check_supported(r->manager, f);
        if (q != 0)
                return q;
        r->request.spec.degraded = manager_get_degraded(r->manager);

        /* Likewise, of what was looked at before its files were sent, and before the others of its group were ready. */
        if (!box_has_room(r->box))
                return failure_set(f, FAILURE_BOX_BUSY, r->box->id);

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
        run_close_fds(r);
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
        else if (m->header.type != MESSAGE_REPLY || m->reply.error < 0)
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

        q = run_open_filter(r->manager, r->box ? &r->box->settings : &r->settings, &r->request, &f);
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
