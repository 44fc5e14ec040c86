/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What scope.c (the manager: signals, slices), scope-box.c (the way of one box through a unit's life), scope-start.c (the
 * call that makes the unit) and scope-settle.c (what PID 1 was about) share. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "cgroup-internal.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"

#define SCOPE_MATCHES_MAX 4U

typedef struct ScopeLeaving ScopeLeaving;

typedef struct ScopeManager {
        CgroupManager meta;
        sd_bus *bus; /* NULL: there has been none yet */
        sd_event *event;
        sd_bus_slot *matches[SCOPE_MATCHES_MAX];
        sd_bus_slot *subscribe;
        char *pid1;       /* its unique name on this bus; NULL: not known yet */
        char *mount_root; /* the cgroup that the mount shows at its top */
        char *root;       /* the cgroup below which systemd makes its slices, relative to the mount; "" or "a/b" */
        bool no_pidfds;   /* this systemd does not know them (252) */
        usec_t attach_timeout;
        LIST_HEAD(, ScopeLeaving) leaving;
        sd_event_source *leaving_timer;
} ScopeManager;

typedef enum ScopeState {
        SCOPE_NEW,
        SCOPE_STARTING, /* StartTransientUnit has been called */
        SCOPE_JOB,      /* its job is queued, JobRemoved says how it ended */
        SCOPE_WAITING,  /* to be called again: PID 1 was away, or a scope of that name is still there */
        SCOPE_RUNNING,
        SCOPE_FAILED,
        SCOPE_GONE,
        _SCOPE_STATE_MAX,
        _SCOPE_STATE_INVALID = -EINVAL,
} ScopeState;

typedef struct ScopeSettle ScopeSettle;

typedef struct ScopeBox {
        BoxCgroup meta;
        ScopeState state;
        char *unit;
        char *description;

        pid_t pid;
        int pidfd;
        bool sent_pidfd;
        bool may_exist; /* PID 1 may have made the unit for us, or be about to */
        bool sent_slice; /* its tenant's, to be made besides */
        bool no_slice;   /* not to be sent (again) */
        bool lost;      /* there was a call whose fate is not known */
        bool blocked;   /* a unit of that name is in the way, which PID 1 will say when it goes */
        bool watch;     /* JobRemoved may have been missed: look instead */
        unsigned n_retries;
        sd_bus_slot *call;
        char *job;
        char *pid1; /* the unique name that answered: who may say how the job ended */

        /* When to give up, and the negative errno to give up with. */
        usec_t deadline;
        int error;
        sd_event_source *timer;

        LIST_HEAD(, ScopeSettle) settles;
} ScopeBox;

static inline ScopeManager *SCOPE_MANAGER(CgroupManager *m) {
        return (ScopeManager *) ASSERT_PTR(m);
}

static inline ScopeBox *SCOPE_BOX(BoxCgroup *b) {
        return (ScopeBox *) ASSERT_PTR(b);
}

/* Where a tenant's slice is below the mount: "judgebox.slice/judgebox-<uid>.slice", as systemd derives it from the
 * name. NULL: out of memory. */
char *scope_manager_slice_path(ScopeManager *m, uid_t owner);

/* A call of PID 1's; -ENOTCONN where there is no bus. */
int scope_manager_new_call(ScopeManager *m, const char *interface, const char *member, sd_bus_message **ret);

int scope_box_new(BoxCgroup *b, const char *description);
int scope_box_adopt(BoxCgroup *b);
int scope_box_attach(BoxCgroup *b, pid_t pid, int pidfd);
void scope_box_done(BoxCgroup *b);

/* The StartTransientUnit call for the box, to be sent. Notes in b what it asks for. */
int scope_box_new_start_call(ScopeBox *b, sd_bus_message **ret);

int scope_box_settle(BoxCgroup *b, uint64_t token, box_cgroup_settled_t callback, void *userdata);
void scope_box_forget_settles(ScopeBox *b);

/* Signals of PID 1 that concern this box. None of these calls back from within: the box looks for itself at the next
 * turn of the loop. */
void scope_box_job_removed(ScopeBox *b, const char *result);
void scope_box_recheck(ScopeBox *b, bool missed_signals);

/* scope-leaving.c: sees to it that nothing stays of a scope whose box is gone. path: below the mount. */
int scope_manager_watch_leaving(ScopeManager *m);
void scope_manager_add_leaving(ScopeManager *m, const char *unit, const char *path);
/* There is another box of that name. */
void scope_manager_drop_leaving(ScopeManager *m, const char *unit);
/* UnitRemoved was said of it. */
void scope_manager_leaving_removed(ScopeManager *m, const char *unit);
void scope_manager_leaving_forget_bus(ScopeManager *m);
void scope_manager_leaving_done(ScopeManager *m);
