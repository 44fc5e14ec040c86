/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon's state: who is there, what there is, and what is shared by all boxes. Knows no transport. */

#include <systemd/sd-event.h>

#include "admission.h"
#include "authority.h"
#include "box-cradle.h"
#include "box-store.h"
#include "box.h"
#include "cgroup.h"
#include "config.h"
#include "cpu-pool.h"
#include "host-cpus.h"
#include "host-directory.h"
#include "image.h"
#include "observer.h"
#include "profile-store.h"
#include "tenant.h"
#include "uid-range.h"

struct Manager {
        Observer *observers;
        sd_event *event;
        CgroupManager *cgroups; /* NULL where there is no cgroup2 */
        bool allow_degraded;
        Authority *authority;
        Config *config; /* never NULL */
        const char *config_root; /* as config_load() has it */
        Admission *admission;
        UidRange *uids;
        HostCpus cpus;
        CpuPool *cpu_pool;
        BoxCradle *cradle;
        BoxStore *store; /* NULL: boxes end with the daemon */
        HostDirectories *host_directories; /* NULL: this daemon makes none */
        Images *images;
        ProfileStore *profiles;

        Tenant *tenants;
        Box *boxes;
        Run *runs; /* that are not finished */

        /* Nothing is freed in its own callback: what is done with waits here for the end of the iteration. */
        sd_event_source *dispose_source;
        Box *disposed_boxes;
        Run *disposed_runs;

        /* One timer for every deadline: it is only ever moved to an earlier one, and a look around when it
         * fires finds the next. So a run costs no timer of its own. */
        sd_event_source *deadline_source;
        usec_t next_deadline;

        /* Boxes of an earlier daemon: how many have yet to answer, and what became of the others. */
        size_t n_adopting, n_adopted, n_not_adopted, n_adopted_runs, n_adopted_results;
        sd_event_source *hold_source;

        bool stopping;
        int result; /* what the loop ends with then */
};

typedef struct ManagerOptions {
        CgroupManager *cgroups;  /* taken over if it succeeds; NULL: a tree of our own */
        const char *cgroup_root; /* of that tree; NULL: wherever it fits */
        const char *uid_lock_path;
        UidRange *uids;  /* taken over; NULL: new ones, with that path */
        BoxStore *store; /* taken over; or NULL */
        HostDirectories *host_directories; /* taken over; or NULL */
        Images *images; /* taken over; NULL: there are none */
        BoxCradle *cradle; /* taken over */
        Authority *authority; /* taken over; NULL: local */
        char *const *profile_directories; /* NULL: where they are installed */
        Config *config; /* taken over; NULL: the defaults, whatever the files say */
        const char *config_root; /* where to read it anew; has to stay */
        bool allow_degraded;
} ManagerOptions;

int manager_new(sd_event *event, const ManagerOptions *options, Manager **ret);
/* Every box must be gone. One whose boxes are to outlive it is not freed: box-store.h. */
Manager *manager_free(Manager *m);
DEFINE_TRIVIAL_CLEANUP_FUNC(Manager *, manager_free);

/* Says in the journal which lines were ignored. */
void manager_log_config(const Config *c);

/* Reads the files and the profiles again, and has what they say apply from now on. What is wrong in them is in the
 * journal. */
int manager_load_config(Manager *m);

/* The connection to systemd and polkit was lost, and here is another. */
int manager_set_bus(Manager *m, sd_bus *bus);

/* Takes every box away, then ends the loop with 0. New requests are refused from here on. */
void manager_stop(Manager *m);

/* The daemon cannot do its work any more, and another one may: the loop ends with r. Boxes that can do without it are
 * left, others are taken away first. */
void manager_fail(Manager *m, int r);

/* A box cannot be taken away. If the daemon is to stop it stops without: the loop ends with -ETIMEDOUT, and the
 * manager must not be freed. */
void manager_give_up(Manager *m);

/* What cgroups can enforce here, and what not. It may become less while the daemon runs. */
CgroupController manager_get_controllers(Manager *m);
Degraded manager_get_degraded(Manager *m);

/* 0, or FAILURE_NOT_SUPPORTED with what is missing. */
int manager_check_supported(Manager *m, Failure *f);

Box *manager_find_box(Manager *m, uid_t owner, const char *id);

/* Whether a box has this one for its directory on the host. */
bool manager_has_project(Manager *m, uint32_t project);

/* A name that no box of this owner has, nor had: the letter and a random number. */
void manager_pick_id(Manager *m, uid_t owner, char letter, char ret[static BOX_ID_SIZE]);

/* Of CLOCK_MONOTONIC, when this iteration of the loop began. */
usec_t manager_now(Manager *m);

void manager_watch_deadline(Manager *m, usec_t deadline);

size_t manager_count_active_runs(Manager *m);

/* For box.c and run.c: free them when it is safe. */
void manager_dispose_box(Manager *m, Box *b);
void manager_dispose_run(Manager *m, Run *r);
