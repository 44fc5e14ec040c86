/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which runs may go on now. So many at a time (by default one for each CPU, because two runs on one CPU measure
 * each other); the others wait, each tenant's in the order they came, and the tenants take turns: one that floods
 * the queue delays its own runs alone. */

#include "time-util.h"

typedef struct Admission Admission;
typedef struct AdmissionTicket AdmissionTicket;
typedef struct AdmissionQueue AdmissionQueue;

/* The run may go on. Not called when admission_enter() said so already. */
typedef void (*admission_callback_t)(AdmissionTicket *t, void *userdata);

/* A run's place, embedded in it. */
struct AdmissionTicket {
        Admission *admission; /* NULL: neither waiting nor running */
        AdmissionQueue *queue; /* set while waiting */
        AdmissionTicket *prev, *next;
        usec_t entered_usec;
        admission_callback_t callback;
        void *userdata;
};

int admission_new(size_t max_running, size_t max_waiting, Admission **ret);
Admission *admission_free(Admission *a);
DEFINE_TRIVIAL_CLEANUP_FUNC(Admission *, admission_free);

/* 1: go on now; 0: wait for the callback; -ENOBUFS: the queue is full; -ENOMEM. */
int admission_enter(
                Admission *a,
                uid_t tenant,
                usec_t now,
                AdmissionTicket *t,
                admission_callback_t callback,
                void *userdata);

/* One that runs already, however many do. */
void admission_adopt(Admission *a, AdmissionTicket *t);

/* While it is held nothing goes on; what runs may leave. */
void admission_hold(Admission *a, bool hold);

/* Changes both bounds: what is beyond them is not sent away. */
void admission_set_bounds(Admission *a, size_t max_running, size_t max_waiting);

/* The run ended or gives up waiting; whose turn it is goes on. Does nothing for a ticket that is not in. */
void admission_leave(AdmissionTicket *t);

static inline bool admission_is_waiting(const AdmissionTicket *t) {
        return t->queue;
}

size_t admission_get_n_running(const Admission *a);
size_t admission_get_n_waiting(const Admission *a);
