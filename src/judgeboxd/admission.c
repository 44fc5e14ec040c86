/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "admission.h"
#include "hash.h"

/* What one tenant has waiting. There only while something is; the queues form a ring, whose head is next. */
struct AdmissionQueue {
        uid_t tenant;
        AdmissionTicket *tickets;
        AdmissionQueue *prev, *next;
        UT_hash_handle hh;
};

struct Admission {
        size_t max_running, max_waiting;
        size_t n_running, n_waiting;
        AdmissionQueue *by_tenant;
        AdmissionQueue *ring;
        bool advancing;
        bool held;
};

int admission_new(size_t max_running, size_t max_waiting, Admission **ret) {
        Admission *a;

        assert(max_running > 0);
        assert(ret);

        a = new(Admission, 1);
        if (!a)
                return -ENOMEM;

        *a = (Admission) { .max_running = max_running, .max_waiting = max_waiting };
        *ret = a;
        return 0;
}

Admission *admission_free(Admission *a) {
        if (!a)
                return NULL;

        assert(a->n_running == 0);
        assert(a->n_waiting == 0);
        return mfree(a);
}

static AdmissionQueue *queue_free(Admission *a, AdmissionQueue *q) {
        HASH_DEL(a->by_tenant, q);
        CDL_DELETE(a->ring, q);
        return mfree(q);
}

static AdmissionQueue *queue_get(Admission *a, uid_t tenant) {
        AdmissionQueue *q;

        HASH_FIND(hh, a->by_tenant, &tenant, sizeof(tenant), q);
        if (q)
                return q;

        q = new0(AdmissionQueue, 1);
        if (!q)
                return NULL;

        q->tenant = tenant;
        HASH_ADD(hh, a->by_tenant, tenant, sizeof(q->tenant), q);
        if (!hash_added(q))
                return mfree(q);

        /* At the end of the ring: those who wait already go first. */
        CDL_APPEND(a->ring, q);
        return q;
}

int admission_enter(
                Admission *a,
                uid_t tenant,
                usec_t now,
                AdmissionTicket *t,
                admission_callback_t callback,
                void *userdata) {

        AdmissionQueue *q;

        assert(a);
        assert(t);
        assert(!t->admission);
        assert(callback);

        *t = (AdmissionTicket) {
                .entered_usec = now,
                .callback = callback,
                .userdata = userdata,
        };

        if (!a->held && a->n_running < a->max_running && a->n_waiting == 0) {
                t->admission = a;
                a->n_running++;
                return 1;
        }

        if (a->n_waiting >= a->max_waiting)
                return -ENOBUFS;

        q = queue_get(a, tenant);
        if (!q)
                return -ENOMEM;

        t->admission = a;
        t->queue = q;
        DL_APPEND(q->tickets, t);
        a->n_waiting++;
        return 0;
}

static AdmissionTicket *take_out(Admission *a, AdmissionTicket *t) {
        AdmissionQueue *q = TAKE_PTR(t->queue);

        DL_DELETE(q->tickets, t);
        a->n_waiting--;
        if (!q->tickets)
                (void) queue_free(a, q);

        return t;
}

/* A callback may end its run at once and so come back here: the loop that is under way sees to the rest. */
static void admission_advance(Admission *a) {
        if (a->advancing)
                return;

        a->advancing = true;
        while (!a->held && a->n_running < a->max_running && a->n_waiting > 0) {
                AdmissionQueue *q = a->ring;
                AdmissionTicket *t;

                a->ring = q->next;
                t = take_out(a, q->tickets);
                a->n_running++;
                t->callback(t, t->userdata);
        }
        a->advancing = false;
}

void admission_adopt(Admission *a, AdmissionTicket *t) {
        assert(a);
        assert(t);
        assert(!t->admission);

        *t = (AdmissionTicket) { .admission = a };
        a->n_running++;
}

void admission_hold(Admission *a, bool hold) {
        assert(a);

        a->held = hold;
        admission_advance(a);
}

void admission_set_bounds(Admission *a, size_t max_running, size_t max_waiting) {
        assert(a);
        assert(max_running > 0);

        a->max_running = max_running;
        a->max_waiting = max_waiting;
        admission_advance(a);
}

void admission_leave(AdmissionTicket *t) {
        Admission *a;

        assert(t);

        a = TAKE_PTR(t->admission);
        if (!a)
                return;

        if (t->queue) {
                (void) take_out(a, t);
                return;
        }

        assert(a->n_running > 0);
        a->n_running--;
        admission_advance(a);
}

size_t admission_get_n_running(const Admission *a) {
        assert(a);
        return a->n_running;
}

size_t admission_get_n_waiting(const Admission *a) {
        assert(a);
        return a->n_waiting;
}
