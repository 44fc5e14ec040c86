/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One run, from the request to the reply. It waits for its turn (admission.h), then for its box and the files
 * that go in, is executed, and has the files that come out opened. The reply leaves before anything is cleared
 * away. */

#include "admission.h"
#include "cgroup.h"
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
        InFile in_files[RUN_IN_FILES_MAX];
        size_t n_in_files;
        char *out_files[RUN_OUT_FILES_MAX];
        size_t n_out_files;
} RunRequest;

void run_request_init(RunRequest *q);
void run_request_done(RunRequest *q);

/* The run has ended, or (failure) never began. What the run holds may be taken out of it; it is gone soon after. */
typedef void (*run_done_t)(Run *r, const Failure *failure, void *userdata);

struct Run {
        Manager *manager;
        Tenant *tenant;
        Box *box;                  /* NULL: one of its own, once it is its turn */
        Run *prev, *next;          /* of the box */
        Run *manager_prev, *manager_next;

        RunState state;
        uint64_t number; /* in the box; 0 until it is executed */
        RunRequest request;
        BoxSettings settings; /* of the box of its own */
        AdmissionTicket ticket;
        usec_t queued_usec;

        RunCgroup *cgroup;
        size_t n_requests; /* under way at judgebox-init */
        RunFile files[RUN_IN_FILES_MAX];
        bool in_files_sent;

        RunResult result;
        int output_fds[2];
        int out_fds[RUN_OUT_FILES_MAX];

        run_done_t done;
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

/* Goes on if it waited for its box. */
void run_proceed(Run *r);

/* The caller does not want it any more: it ends as canceled, at once if it has not begun. */
void run_cancel(Run *r);

/* The box is going: ends with this verdict now, or where it has not begun and the fault is ours, as a failure. */
void run_abort(Run *r, Verdict verdict, Step step, int error);

static inline bool run_is_active(const Run *r) {
        return r->state == RUN_EXECUTING;
}
