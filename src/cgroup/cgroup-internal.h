/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the managers share, and the table by which cgroup.c calls them. A manager embeds CgroupManager and BoxCgroup
 * as the first members of its own structures. */

#include <sys/queue.h>

#include "cgroup.h"

#define UID_INVALID ((uid_t) -1)

#define CGROUP_BUDGET_NONE \
        (CgroupBudget) { .memory_bytes = LIMIT_NONE, .processes = LIMIT_NONE, .cpu_usec_per_sec = LIMIT_NONE }

typedef struct CgroupManagerVTable {
        const char *name;
        size_t box_size;

        /* Whether a process may be cloned right into a box's cgroup; else attach moves it there. */
        bool clone_into;

        void (*done)(CgroupManager *m);
        /* NULL where no bus is used. */
        int (*set_bus)(CgroupManager *m, struct sd_bus *bus);

        /* box_new: owner, id, name are set; sets path and dir_fd if it already knows them. */
        int (*box_new)(BoxCgroup *b, const char *description);
        /* Like box_new for a box that an earlier manager made. NULL where boxes do not outlive their manager. */
        int (*box_adopt)(BoxCgroup *b);
        /* Calls box_cgroup_attached() now or later; not at all if it fails. */
        int (*box_attach)(BoxCgroup *b, pid_t pid, int pidfd);
        /* NULL where nobody else takes boxes away. */
        int (*box_settle)(BoxCgroup *b, uint64_t token, box_cgroup_settled_t callback, void *userdata);
        /* Takes away what is still there of it; also of a box for which box_new failed. */
        void (*box_done)(BoxCgroup *b);

        /* NULL where boxes do not outlive their manager. */
        int (*kill_strays)(CgroupManager *m);
        /* NULL where tenants have no budgets. */
        int (*read_budget)(CgroupManager *m, uid_t owner, CgroupBudget *ret);
} CgroupManagerVTable;

struct CgroupManager {
        const CgroupManagerVTable *vtable;
        CgroupController controllers;
        unsigned n_cpus;
        uint32_t missing_files; /* bit: the RunCgroupFd that this kernel turned out not to have */
        bool no_swap;           /* memory.swap.max is not there */
        int mount_fd;
        LIST_HEAD(, BoxCgroup) boxes;
};

struct BoxCgroup {
        CgroupManager *manager;
        uid_t owner;
        char *name; /* <uid>-<id> */
        char *path;
        int dir_fd;
        uid_t uid; /* who may clone into it; UID_INVALID before box_cgroup_delegate() */
        size_t n_runs;
        CgroupBudget budget; /* of the owner */
        bool released; /* box_done is to leave its cgroups alone */

        box_cgroup_attached_t attached;
        void *attached_userdata;
        box_cgroup_removed_t removed;
        void *removed_userdata;

        LIST_ENTRY(BoxCgroup) boxes;
};

/* Finds the mount and the CPUs, for a manager that is all zero but for vtable and mount_fd, which is none. ret_root is
 * the cgroup that the mount shows at its top. */
int cgroup_manager_init(CgroupManager *m, char **ret_root);

/* Ends an attach: calls back once. Nothing may be done with the box afterwards: its user may have freed it. */
void box_cgroup_attached(BoxCgroup *b, int r);
