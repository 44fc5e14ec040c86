/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "admission.h"
#include "hash.h"

#define N_PRIORITIES (ADMISSION_PRIORITY_MAX - ADMISSION_PRIORITY_MIN + 1)

/* There only while something of it runs or waits. Those whose turn can come, because something waits and fewer run than
 * may, form a ring, whose head is next. */
struct AdmissionTenant {
        uid_t uid;
        size_t n_running, max_running, n_waiting;
        AdmissionTicket *tickets[N_PRIORITIES];
        bool in_ring;
        AdmissionTenant *prev, *next;
        UT_hash_handle hh;
};

struct Admission {
        size_t max_running, max_waiting;
        size_t n_running, n_waiting;
        AdmissionTenant *tenants;
        AdmissionTenant *ring;
        bool advancing;
        bool held;
};

static const char *const admission_reason_table[_ADMISSION_REASON_MAX] = {
        [ADMISSION_REASON_NONE] = "none",
        [ADMISSION_REASON_TURN] = "turn",
        [ADMISSION_REASON_BUDGET] = "budget",
        [ADMISSION_REASON_CPUS] = "cpus",
};

DEFINE_STRING_TABLE_LOOKUP(admission_reason, AdmissionReason);

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

static AdmissionTenant *tenant_find(const Admission *a, uid_t uid) {
        AdmissionTenant *n;

        HASH_FIND(hh, a->tenants, &uid, sizeof(uid), n);
        return n;
}

static AdmissionTenant *tenant_make(Admission *a, uid_t uid) {
        AdmissionTenant *n;

        n = tenant_find(a, uid);
        if (n)
                return n;

        n = new0(AdmissionTenant, 1);
        if (!n)
                return NULL;

        n->uid = uid;
        HASH_ADD(hh, a->tenants, uid, sizeof(n->uid), n);
        return hash_added(n) ? n : mfree(n);
}

/* After each change: into the ring at its end, where those who wait already go first, out of it, or away. */
static void tenant_update(Admission *a, AdmissionTenant *n) {
        bool eligible = n->n_waiting > 0 && n->n_running < n->max_running;

        if (eligible && !n->in_ring)
                CDL_APPEND(a->ring, n);
        else if (!eligible && n->in_ring)
                CDL_DELETE(a->ring, n);
        n->in_ring = eligible;

        if (n->n_waiting == 0 && n->n_running == 0) {
                HASH_DEL(a->tenants, n);
                free(n);
        }
}

static void ticket_run(Admission *a, AdmissionTicket *t) {
        a->n_running++;
        t->tenant->n_running++;
}

static AdmissionTicket **ticket_list(const AdmissionTicket *t) {
        return t->tenant->tickets + t->priority - ADMISSION_PRIORITY_MIN;
}

static void ticket_wait(Admission *a, AdmissionTicket *t) {
        DL_APPEND(*ticket_list(t), t);
        t->waiting = true;
        t->tenant->n_waiting++;
        a->n_waiting++;
}

static void ticket_wait_no_more(Admission *a, AdmissionTicket *t) {
        DL_DELETE(*ticket_list(t), t);
        t->waiting = false;
        t->tenant->n_waiting--;
        a->n_waiting--;
}

static AdmissionTicket *tenant_first(const AdmissionTenant *n) {
        size_t i = N_PRIORITIES - 1;

        assert(n->n_waiting > 0);

        while (!n->tickets[i])
                i--;

        return n->tickets[i];
}

static bool reserve(AdmissionTicket *t) {
        return !t->reserve || t->reserve(t, t->userdata);
}

static AdmissionReason reason_to_wait(Admission *a, AdmissionTicket *t) {
        if (t->tenant->n_running >= t->tenant->max_running)
                return ADMISSION_REASON_BUDGET;
        if (a->held || a->n_running >= a->max_running || a->ring)
                return ADMISSION_REASON_TURN;

        return reserve(t) ? ADMISSION_REASON_NONE : ADMISSION_REASON_CPUS;
}

int admission_enter(
                Admission *a,
                const AdmissionWish *wish,
                usec_t now,
                AdmissionTicket *t,
                admission_callback_t callback,
                void *userdata) {

        AdmissionTenant *n;
        int r;

        assert(a);
        assert(wish);
        assert(wish->max_running > 0);
        assert(wish->priority >= ADMISSION_PRIORITY_MIN && wish->priority <= ADMISSION_PRIORITY_MAX);
        assert(t);
        assert(!t->admission);
        assert(callback);

        n = tenant_make(a, wish->tenant);
        if (!n)
                return -ENOMEM;
        n->max_running = wish->max_running;

        *t = (AdmissionTicket) {
                .tenant = n,
                .priority = wish->priority,
                .reserve = wish->reserve,
                .entered_usec = now,
                .callback = callback,
                .userdata = userdata,
        };

        t->reason = reason_to_wait(a, t);
        if (t->reason == ADMISSION_REASON_NONE) {
                t->admission = a;
                ticket_run(a, t);
                r = 1;
        } else if (a->n_waiting >= a->max_waiting)
                r = -ENOBUFS;
        else {
                t->admission = a;
                ticket_wait(a, t);
                r = 0;
        }

        tenant_update(a, n);
        return r;
}

/* A callback may end its run at once and so come back here: the loop that is under way sees to the rest. */
static void admission_advance(Admission *a) {
        if (a->advancing)
                return;

        a->advancing = true;
        while (!a->held && a->n_running < a->max_running && a->ring) {
                AdmissionTenant *n = a->ring;
                AdmissionTicket *t = tenant_first(n);

                if (!reserve(t))
                        break;

                a->ring = n->next;
                ticket_wait_no_more(a, t);
                ticket_run(a, t);
                tenant_update(a, n);
                t->callback(t, t->userdata);
        }
        a->advancing = false;
}

int admission_adopt(Admission *a, uid_t tenant, size_t max_running, AdmissionTicket *t) {
        AdmissionTenant *n;

        assert(a);
        assert(max_running > 0);
        assert(t);
        assert(!t->admission);

        n = tenant_make(a, tenant);
        if (!n)
                return -ENOMEM;
        n->max_running = max_running;

        *t = (AdmissionTicket) { .admission = a, .tenant = n };
        ticket_run(a, t);
        tenant_update(a, n);
        return 0;
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

void admission_set_tenant_bound(Admission *a, uid_t tenant, size_t max_running) {
        AdmissionTenant *n;

        assert(a);
        assert(max_running > 0);

        n = tenant_find(a, tenant);
        if (!n)
                return;

        n->max_running = max_running;
        tenant_update(a, n);
}

void admission_leave(AdmissionTicket *t) {
        AdmissionTenant *n;
        Admission *a;

        assert(t);

        a = TAKE_PTR(t->admission);
        if (!a)
                return;

        n = t->tenant;
        if (t->waiting)
                ticket_wait_no_more(a, t);
        else {
                assert(a->n_running > 0);
                a->n_running--;
                n->n_running--;
        }
        t->tenant = NULL;
        tenant_update(a, n);

        /* Also when it only gave up: what it waited for may be of use to the next. */
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

size_t admission_get_tenant_n_waiting(const Admission *a, uid_t tenant) {
        const AdmissionTenant *n;

        assert(a);

        n = tenant_find(a, tenant);
        return n ? n->n_waiting : 0;
}
