/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tenant's box, from the decision to make it to the moment when nothing is left of it.
 *
 *   STARTING   being made; runs may be given to it already and begin the moment they can
 *   IDLE, RUNNING
 *   STOPPING   everything in it is killed; gone when the last process is reaped
 *
 * However a box ends (destroyed, its judgebox-init dead, its caller gone, the daemon told to stop), it takes
 * the one path from box_stop() to box_gone(). */

#include <systemd/sd-event.h>

#include "box-channel.h"
#include "box-launch.h"
#include "cgroup.h"
#include "failure.h"
#include "hash.h"
#include "run.h"

typedef enum BoxState {
        BOX_STARTING,
        BOX_IDLE,
        BOX_RUNNING,
        BOX_STOPPING,
        _BOX_STATE_MAX,
        _BOX_STATE_INVALID = -EINVAL,
} BoxState;

const char *box_state_to_string(BoxState s);
BoxState box_state_from_string(const char *s);

#define BOX_ID_SIZE (32U + 1U)
#define BOX_ACTIVE_RUNS_MAX 16U
#define BOX_HOST_NAME_DEFAULT "box"

/* failure: NULL if it is as wished. */
typedef void (*box_callback_t)(Box *b, const Failure *failure, void *userdata);

typedef struct BoxWaiter {
        struct BoxWaiter *next;
        box_callback_t callback;
        void *userdata;
} BoxWaiter;

struct Box {
        Manager *manager;
        Tenant *tenant;
        uid_t owner;
        char *id;
        char *name; /* "<uid>-<id>", unique */
        UT_hash_handle hh;
        Box *next_disposed;

        BoxState state;
        bool one_shot; /* goes with its first run */
        bool adopting; /* made by an earlier daemon: what goes on in it is not known yet */
        bool stored;   /* to outlive this daemon: box-store.h */

        /* box-hold.h */
        bool until_disconnect;
        uint64_t holder_connection;
        char *holder_bus_name;
        usec_t hold_deadline;

        bool configured;
        BoxSettings settings; /* the binds' descriptors are gone once they are sent */
        Limits run_limits;    /* what a run has that asks for none */
        usec_t created_usec;  /* CLOCK_REALTIME */
        usec_t deadline;      /* to be up, or to be gone */
        bool deadline_missed;

        uid_t uid_base;
        bool has_uid_base;
        uint32_t directory_project; /* the quota's of its directory on the host; 0: none */
        BoxCgroup *cgroup;
        BoxLaunch *launch; /* until the launcher is gone */
        BoxChannel *channel;
        int init_pidfd; /* until it is reaped */
        sd_event_source *init_source;

        Run *runs;
        size_t n_active_runs; /* counted, because thousands may wait among them */
        uint64_t n_executed;
        uint64_t last_run; /* number given out last */
        RunCgroup *spare;  /* prepared for the run to come, which will have the number last_run */
        size_t n_cgroups;  /* that runs have in hand */
        RunCgroup *leftovers[BOX_ACTIVE_RUNS_MAX]; /* of runs that ended with the box */
        size_t n_leftovers;

        BoxWaiter *ready_waiters, *gone_waiters;
        Failure failure; /* why it had to go */
        bool stopped_from_outside; /* that is why */
};

/* Registers a new box; takes the settings over if it succeeds. FAILURE_BOX_EXISTS, FAILURE_QUOTA_EXCEEDED. */
int box_new(
                Manager *m,
                Tenant *tenant,
                const char *id,
                BoxSettings *settings,
                bool one_shot,
                Box **ret,
                Failure *f);
Box *box_free(Box *b);

/* The same for one that is there already: no budget keeps it out. */
int box_new_adopted(Manager *m, Tenant *tenant, const char *id, BoxSettings *settings, bool one_shot, Box **ret);

/* Begins to make it. If that fails, box_stop() is still due. */
int box_start(Box *b, Failure *f);

/* Calls back when it can run programs, or cannot be made. -ENOMEM: not called back. */
int box_wait_ready(Box *b, box_callback_t callback, void *userdata);
int box_wait_gone(Box *b, box_callback_t callback, void *userdata);

/* Ends what runs in it and takes it away. Does nothing if it is on its way already. */
void box_stop(Box *b);

/* The same, with a reason that everybody concerned is told. */
void box_fail(Box *b, Step step, int error);

/* The same, of a negative errno with which its socket or its cgroup failed. Those that mean that the other end, or the
 * cgroup, is gone say that judgebox-init ends: how it ended is known in a moment, or if it lives on, of this. */
void box_broken(Box *b, Step step, int r);

/* The same, because somebody on the host did it: what ran there is canceled. */
void box_stopped_from_outside(Box *b);

void box_update_state(Box *b);

/* Its judgebox-init listens, and run cgroups can be made. */
bool box_is_launched(const Box *b);

/* One more run may be executed at the same time. */
bool box_has_room(const Box *b);

/* Hands out a run cgroup with these limits, known to judgebox-init under the number. -ENXIO: the CPUs are not
 * there. */
int box_take_cgroup(Box *b, const Limits *limits, uint64_t *ret_number, RunCgroup **ret);

/* The run needs its cgroup no longer, which is taken over. */
void box_run_ended(Box *b, RunCgroup *cgroup);

/* It was handed over to judgebox-init. */
void box_run_began(Box *b);

/* The run is forgotten. number 0: it was never executed. Takes the cgroup over. */
void box_run_finished(Box *b, uint64_t number, RunCgroup *cgroup);

/* For the channel, with a deadline that the manager watches. */
int box_begin_request(Box *b, usec_t timeout, channel_reply_t callback, void *userdata, uint32_t *ret_serial);

/* OPEN, COPY (with a source), MKDIR, REMOVE, LIST; RESET and STORAGE with no path. */
int box_request_file(
                Box *b,
                MessageType type,
                FileFlags flags,
                const char *path,
                int source_fd,
                usec_t timeout,
                channel_reply_t callback,
                void *userdata);

/* Fails what is late. Returns when to look again. */
usec_t box_check_deadlines(Box *b, usec_t now);

/* As the host sees judgebox-init. -ESRCH if there is none. */
int box_get_leader_pid(Box *b, pid_t *ret);

/* Its directory on the host, where it was made with one. NULL: it was not, or out of memory. */
char *box_get_directory(const Box *b);
