/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One run, from the request to the reply. It waits for its turn (admission.h), then for its box and the files
 * that go in, is executed, and has the files that come out opened. The reply leaves before anything is cleared
 * away.
 *
 * A run that goes on may be without a caller: one that an earlier daemon began, or whose caller asked to keep it and has
 * gone. Its result then waits for whoever asks for it by the run's number; that is run-kept.c. */

#include "admission.h"
#include "cgroup.h"
#include "cpu-pool.h"
#include "failure.h"
#include "message.h"

typedef struct Box Box;
typedef struct Manager Manager;
typedef struct Run Run;
typedef struct Tenant Tenant;

/* One file on its way in or out. */
typedef struct RunFile {
        Run *run;
        size_t index;
} RunFile;

typedef enum RunState {
        RUN_WAITING,    /* for its turn */
        RUN_STARTING,   /* its turn: for the box, or for files on their way in */
        RUN_EXECUTING,
        RUN_KEPT,       /* ended; nobody has asked for the result yet */
        RUN_COLLECTING, /* ended; files to hand out are being opened */
        RUN_FINISHED,
        _RUN_STATE_MAX,
        _RUN_STATE_INVALID = -EINVAL,
} RunState;

const char *run_state_to_string(RunState s);
RunState run_state_from_string(const char *s);

typedef struct InFile {
        int fd;
        char *path;
        bool executable;
} InFile;

#define RUN_IN_FILES_MAX 16U
#define RUN_OUT_FILES_MAX 14U /* with the two captured streams: what a message carries */

typedef struct RunRequest {
        RunSpec spec;
        char *profile; /* NULL: the box's, or the service's default */
        InFile in_files[RUN_IN_FILES_MAX];
        size_t n_in_files;
        char *out_files[RUN_OUT_FILES_MAX];
        size_t n_out_files;
        bool no_defaults;
        bool trace_given; /* spec.trace was asked for, or was not wanted; else it is the box's */
        int priority; /* ADMISSION_PRIORITY_MIN to _MAX */
        int streamed_fds[3]; /* our ends of the pipes where a stream goes through the service itself; or -EBADF */
} RunRequest;

void run_request_init(RunRequest *q);
void run_request_done(RunRequest *q);

/* The run has ended, or (failure) never began. What the run holds may be taken out of it; it is gone soon after. */
typedef void (*run_done_t)(Run *r, const Failure *failure, void *userdata);

/* It has its box and its number, and is about to be executed. */
typedef void (*run_started_t)(Run *r, void *userdata);

/* Its box and its files are there, and only the start is missing: that is for whoever holds it, with run_prepare() and
 * run_launch(). */
typedef void (*run_ready_t)(Run *r, void *userdata);

/* How long a run goes on after a restart without its caller, and how long its result then waits for him: there may be
 * nobody who knows its number, if the service ended before it was told. And how long a result waits that is to be kept. */
#define RUN_ORPHAN_USEC (30 * USEC_PER_SEC)
#define RUN_KEPT_USEC (300 * USEC_PER_SEC)

/* Results that are kept for one tenant; more are forgotten, the oldest first. */
#define RUNS_KEPT_MAX 1024U

struct Run {
        Manager *manager;
        Tenant *tenant;
        Box *box;                  /* NULL: one of its own, once it is its turn */
        Run *prev, *next;          /* of the box */
        Run *manager_prev, *manager_next;
        Run *next_disposed;

        RunState state;
        uint64_t number; /* in the box; 0 until it is executed */
        RunRequest request;
        BoxSettings settings; /* of the box of its own */
        AdmissionTicket ticket;
        CpuLease cpus; /* that are its own; a group's are the group's */
        bool has_cpus; /* of its own, or its group's: its CPU set */
        usec_t queued_usec;

        RunCgroup *cgroup;
        size_t n_requests; /* under way at judgebox-init */
        RunFile files[RUN_IN_FILES_MAX];
        bool in_files_sent;
        bool ended; /* taken over with its result on its way: nothing of it runs */

        RunResult result;
        Observed observed;
        int output_fds[2];
        int out_fds[RUN_OUT_FILES_MAX];

        usec_t deadline; /* without a caller: to be canceled, or forgotten */

        run_ready_t ready;     /* NULL: nobody holds it */
        run_started_t started; /* may be NULL */
        run_done_t done;       /* NULL: there is no caller */
        void *userdata;
};

/* Takes request and settings over if it succeeds. With a box, the settings are not looked at. */
int run_new(
                Manager *m,
                Tenant *tenant,
                Box *box,
                RunRequest *request,
                BoxSettings *settings,
                run_done_t done,
                void *userdata,
                Run **ret,
                Failure *f);
Run *run_free(Run *r);

/* From here on `done` is called exactly once, possibly before this returns. */
void run_submit(Run *r);

/* It is its turn, by a ticket that it shares with others: `done` may be called before this returns. */
void run_begin(Run *r);

/* One that was held: gives it its number and its cgroup, and starts it. Where they fail the run is over. */
bool run_prepare(Run *r);
bool run_launch(Run *r);

/* Goes on if it waited for its box. */
void run_proceed(Run *r);

/* How many CPUs of its own it is to have. */
uint64_t run_get_n_cpus(const Run *r);

/* It is to use these and no others; own: and has them for itself. -ENOMEM. */
int run_set_cpus(Run *r, const cpu_set_t *cpus, bool own);

/* The caller does not want it any more: it ends as canceled, at once if it has not begun. */
void run_cancel(Run *r);

/* Ends it as canceled, with the evidence if it has begun. */
void run_end(Run *r);

/* One that judgebox-init knows already, of an adopted box; cgroup (NULL if it has ended) is taken over. Its result is
 * asked for. */
int run_adopt(Box *b, const MessageRunEntry *entry, const char *program, RunCgroup *cgroup);

/* The run of this box that has no caller becomes this one's, who wants these files too: they are taken over. `done` may
 * be called before this returns. FAILURE_NO_SUCH_RUN, or FAILURE_BOX_BUSY if it has a caller. */
int run_attach(
                Box *b,
                uint64_t number,
                RunRequest *request,
                run_done_t done,
                void *userdata,
                Run **ret,
                Failure *f);

/* The caller has gone, but wants the result kept, and the run has begun: true if it is without a caller now, and `done`
 * will not be called. */
bool run_detach(Run *r);

/* Does what is due to one without a caller. Returns when to look again. The run may end. */
usec_t run_check_deadline(Run *r, usec_t now);

/* The box is going: ends with this verdict now, or where it has not begun and the fault is ours, as a failure. */
void run_abort(Run *r, Verdict verdict, Step step, int error);

static inline bool run_is_active(const Run *r) {
        return r->state == RUN_EXECUTING;
}
