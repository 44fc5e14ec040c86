/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What run.c, run-begin.c (up to the start), run-settle.c (a doubtful end) and run-kept.c (without a caller) have between
 * them. */

#include "run.h"

/* How long judgebox-init may take beyond the wall limit. */
#define RUN_GRACE_USEC (30 * USEC_PER_SEC)

/* Fills in a new run, adds it to its box and its manager, and takes the request over. */
void run_init(Run *r, Manager *m, Tenant *tenant, Box *box, RunRequest *request);

void run_set_state(Run *r, RunState state);

/* The run with this number; NULL if there is none. */
Run *run_find(Box *b, uint64_t number);

/* Whether its box is being taken away, and it was killed with it, cannot be told from the result. */
bool run_is_doubtful(const Run *r);
/* Then it ends when that is known: with this result, or with its box. */
void run_settle(Run *r);

/* judgebox-init's answer: FINISHED. */
void run_on_finished(int q, Message *m, void *userdata);

/* The result is there. */
void run_ended(Run *r);
/* ... but nobody who asks for it. */
void run_keep(Run *r);

void run_finish(Run *r, const Failure *failure);
/* It never began. q: a negative errno, or what f is. */
void run_fail(Run *r, int q, Failure *f);

/* Opens the filter of the run's own profile, or the box's, or the service's default. Returns 0, a negative errno or a
 * Failure. */
int run_open_filter(Manager *m, const BoxSettings *settings, RunRequest *request, Failure *f);

/* What the program was given is judgebox-init's now: a tenant's descriptors are not kept. */
void run_close_fds(Run *r);

/* One of its requests to judgebox-init is over, perhaps the last thing that held it. */
void run_check_unused(Run *r);

/* Has judgebox-init end it. */
void run_kill(Run *r);
