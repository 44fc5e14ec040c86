/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which runs may go on now. So many at a time (by default one for each CPU, because two runs on one CPU measure
 * each other), of each tenant no more than its budget; the others wait, each tenant's by priority and then in the order
 * they came, and the tenants take turns: one that floods the queue delays its own runs alone.
 *
 * Whose turn it is may need something that is not there yet (CPUs of its own). Nobody overtakes it then, or who wants much
 * would wait for ever. */

#include "string-util.h"
#include "time-util.h"

typedef struct Admission Admission;
typedef struct AdmissionTicket AdmissionTicket;
typedef struct AdmissionTenant AdmissionTenant;

/* Within a tenant; what is higher goes first. */
#define ADMISSION_PRIORITY_MIN (-10)
#define ADMISSION_PRIORITY_MAX 10

/* What a run had to wait for, when it came. */
typedef enum AdmissionReason {
        ADMISSION_REASON_NONE,   /* it did not wait */
        ADMISSION_REASON_TURN,   /* others go on, or are before it */
        ADMISSION_REASON_BUDGET, /* as many of its tenant's go on as may */
        ADMISSION_REASON_CPUS,   /* CPUs of its own */
        _ADMISSION_REASON_MAX,
        _ADMISSION_REASON_INVALID = -EINVAL,
} AdmissionReason;

const char *admission_reason_to_string(AdmissionReason r);
AdmissionReason admission_reason_from_string(const char *s);

/* The run may go on. Not called when admission_enter() said so already. */
typedef void (*admission_callback_t)(AdmissionTicket *t, void *userdata);

/* Takes what the run needs to go on: false if it is not there now. Asked anew whenever a run has left. */
typedef bool (*admission_reserve_t)(AdmissionTicket *t, void *userdata);

/* A run's place, embedded in it. */
struct AdmissionTicket {
        Admission *admission; /* NULL: neither waiting nor running */
        AdmissionTenant *tenant;
        bool waiting;
        int priority;
        AdmissionReason reason;
        AdmissionTicket *prev, *next;
        usec_t entered_usec;
        admission_reserve_t reserve;
        admission_callback_t callback;
        void *userdata;
};

int admission_new(size_t max_running, size_t max_waiting, Admission **ret);
Admission *admission_free(Admission *a);
DEFINE_TRIVIAL_CLEANUP_FUNC(Admission *, admission_free);

typedef struct AdmissionWish {
        uid_t tenant;
        size_t max_running; /* of this tenant, from now on */
        int priority;
        admission_reserve_t reserve; /* NULL: it needs nothing but its turn */
} AdmissionWish;

/* 1: go on now; 0: wait for the callback; -ENOBUFS: the queue is full; -ENOMEM. */
int admission_enter(
                Admission *a,
                const AdmissionWish *wish,
                usec_t now,
                AdmissionTicket *t,
                admission_callback_t callback,
                void *userdata);

/* One that runs already, however many do. -ENOMEM. */
int admission_adopt(Admission *a, uid_t tenant, size_t max_running, AdmissionTicket *t);

/* While it is held nothing goes on; what runs may leave. */
void admission_hold(Admission *a, bool hold);

/* Changes both bounds: what is beyond them is not sent away; whose turn it is now goes on. */
void admission_set_bounds(Admission *a, size_t max_running, size_t max_waiting);

/* That of one tenant, before admission_set_bounds(): nothing goes on yet. Does nothing for one that has nothing
 * here. */
void admission_set_tenant_bound(Admission *a, uid_t tenant, size_t max_running);

/* The run ended or gives up waiting; whose turn it is goes on. Does nothing for a ticket that is not in. */
void admission_leave(AdmissionTicket *t);

static inline bool admission_is_waiting(const AdmissionTicket *t) {
        return t->waiting;
}

size_t admission_get_n_running(const Admission *a);
size_t admission_get_n_waiting(const Admission *a);
size_t admission_get_tenant_n_waiting(const Admission *a, uid_t tenant);
