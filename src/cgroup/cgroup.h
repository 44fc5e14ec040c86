/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a box needs of a cgroup, whoever owns the tree. Two managers implement it: `tree`, a plain cgroup2
 * subtree of our own for hosts with no systemd, and `scope`, where systemd makes each box a transient scope.
 *
 *   <box>/              empty but for its children, so that controllers can be enabled for them
 *   ├ supervisor/       judgebox-init
 *   └ run-<n>/          the processes of one run; limits are set before the first is cloned into it
 *
 * How a box comes to life, in both managers:
 *   1. box_cgroup_new()
 *   2. the launcher is cloned: into box_cgroup_get_clone_fd() where that is a descriptor (tree), else anywhere
 *   3. box_cgroup_attach(): tree is done at once; scope asks systemd and calls back when the job is done
 *   4. box_cgroup_delegate(): supervisor/ is there, and the box's root uid may clone into it
 *   5. the launcher, in the box's cgroup, unshares its cgroup namespace (rooted at <box>/: systemd mounts
 *      cgroup2 with nsdelegate, and a namespace rooted lower could not clone into run-<n>), clones
 *      judgebox-init into supervisor/ and exits. No cgroup.procs is ever written: that costs 10 ms.
 *   6. box_cgroup_enable_controllers(), now that <box>/ holds no process
 */

#include "cgroup-read.h"
#include "macro.h"
#include "spec.h"

typedef enum CgroupController {
        CGROUP_CPU = 1 << 0,
        CGROUP_MEMORY = 1 << 1,
        CGROUP_PIDS = 1 << 2,
        CGROUP_CPUSET = 1 << 3,
        _CGROUP_CONTROLLERS_ALL = (1 << 4) - 1,
} CgroupController;

/* "cpu memory pids cpuset" <-> bits; unknown names are skipped. */
CgroupController cgroup_controllers_from_string(const char *s);
int cgroup_controllers_to_strv(CgroupController c, char ***ret);

/* What a run cannot have enforced by a cgroup when only these controllers are there. */
Degraded cgroup_controllers_to_degraded(CgroupController c);

typedef struct CgroupManager CgroupManager;
typedef struct BoxCgroup BoxCgroup;
typedef struct RunCgroup RunCgroup;

/* r: 0, or a negative errno: the box has no cgroup then and is to be given up. Called exactly once for each
 * box_cgroup_attach() that did not fail, unless the box is freed first. */
typedef void (*box_cgroup_attached_t)(BoxCgroup *b, int r, void *userdata);
/* The cgroup was taken away from outside (systemctl stop), or is empty and will be. Called once at most, and
 * perhaps while its user is ending the box anyway. */
typedef void (*box_cgroup_removed_t)(BoxCgroup *b, void *userdata);
/* Called exactly once for each box_cgroup_settle() that did not fail, with its token, unless the box is freed first. */
typedef void (*box_cgroup_settled_t)(BoxCgroup *b, uint64_t token, void *userdata);

/* `tree`. Finds the cgroup2 mount and a place for a subtree, and makes it:
 * below `path` (relative to the cgroup2 mount's root) where given; else below the nearest of our own cgroup's
 * ancestors (or itself) that was delegated to us (the xattr trusted.delegate or user.delegate is "1"), whose
 * processes, if it has any, are moved to a leaf of it first; else below the root of the hierarchy; in a
 * container (the root we see is not the real one and holds processes) those are moved to a leaf likewise.
 * They are moved only where there are controllers to enable, and stay in that leaf ("judgebox-leaf").
 * Removes the subtree again on free. -EOPNOTSUPP where there is no cgroup2 at all. */
int cgroup_manager_new_tree(const char *path, CgroupManager **ret);

/* The same for boxes that are to outlive their manager: the subtree has this name (not "judgebox-<digit>…", as others
 * have), is taken over if it is there, and is left where it is if there is a box in it. -EBUSY where another manager has
 * it. */
int cgroup_manager_new_lasting_tree(const char *path, const char *name, CgroupManager **ret);

/* `scope`. Asks systemd, once there is a bus, to make each box a scope judgebox-<uid>-<id>.scope in judgebox-<uid>.slice.
 * -EOPNOTSUPP where there is no cgroup2 at all. */
struct sd_bus;
struct sd_event;
int cgroup_manager_new_scope(struct sd_event *event, CgroupManager **ret);

/* The bus for `scope`: its first, or the next one after that was lost, on the same event loop. It must not block the
 * daemon: nothing here waits for it. What was under way meanwhile goes on; what was not heard of is looked for. `tree`
 * has no use for it. */
int cgroup_manager_set_bus(CgroupManager *m, struct sd_bus *bus);

/* Frees the manager; every BoxCgroup must be gone. */
CgroupManager *cgroup_manager_free(CgroupManager *m);
DEFINE_TRIVIAL_CLEANUP_FUNC(CgroupManager *, cgroup_manager_free);

const char *cgroup_manager_get_name(CgroupManager *m); /* "tree" or "scope" */

/* What runs can be limited by. `scope` may find out with a box's attach that systemd gives less than the kernel has:
 * ask again for each run. */
CgroupController cgroup_manager_get_controllers(CgroupManager *m);

/* What the admin allows a tenant's boxes together: the tightest of judgebox-<uid>.slice and judgebox.slice. A slice
 * is there while it has boxes; one that is not, and `tree`, allow everything: LIMIT_NONE. */
typedef struct CgroupBudget {
        uint64_t memory_bytes;
        uint64_t processes;
        usec_t cpu_usec_per_sec; /* of CPU time; 2000000: two CPUs */
} CgroupBudget;

int cgroup_manager_read_budget(CgroupManager *m, uid_t owner, CgroupBudget *ret);

/* Kills what is in boxes of an earlier judgeboxd that nobody has adopted; systemd takes away what is empty then.
 * Returns how many there were. */
int cgroup_manager_kill_strays(CgroupManager *m);

/* The name is "<uid>-<id>"; -EEXIST where a box of that name is there, -EINVAL where the id is none. */
int box_cgroup_new(CgroupManager *m, uid_t owner, const char *id, const char *description, BoxCgroup **ret);

/* After a restart: a box that an earlier judgeboxd attached and delegated, and that still has processes. Its attach is
 * done. -ENOENT where there is none, -ENODATA where it was not delegated yet, -EOPNOTSUPP with a `tree`
 * that does not last. */
int box_cgroup_adopt(CgroupManager *m, uid_t owner, const char *id, BoxCgroup **ret);

/* The n of each run-<n>/ that is there, in no order; the caller's. */
int box_cgroup_list_runs(BoxCgroup *b, uint64_t **ret, size_t *ret_n);

/* Takes the box's cgroups away; every process in them must be gone (its judgebox-init reaped). What cannot be
 * removed is logged at debug level and left to the manager. */
BoxCgroup *box_cgroup_free(BoxCgroup *b);
DEFINE_TRIVIAL_CLEANUP_FUNC(BoxCgroup *, box_cgroup_free);

/* Before a restart: lets go of the box and leaves it all as it is, for box_cgroup_adopt(). One whose attach is not done
 * is taken away, and with `tree` all are when the manager is freed. */
BoxCgroup *box_cgroup_release(BoxCgroup *b);

/* Before the attach. With it `scope` makes the tenant's slice, if it is not there yet, so that a drop-in of the
 * admin's and `systemctl set-property` stand above it; `tree` has no use for it. */
void box_cgroup_set_budget(BoxCgroup *b, const CgroupBudget *budget);

int box_cgroup_get_clone_fd(BoxCgroup *b); /* -EBADF: clone anywhere, attach moves it */
/* `tree` calls back before this returns. `scope` needs the process to stay until it calls back, and gives up by itself
 * when systemd takes too long; -ETIMEDOUT then, and -EEXIST where a scope of that name would not go. pidfd may be
 * -EBADF. */
int box_cgroup_attach(BoxCgroup *b, pid_t pid, int pidfd, box_cgroup_attached_t callback, void *userdata);
void box_cgroup_set_removed_handler(BoxCgroup *b, box_cgroup_removed_t callback, void *userdata);

/* Calls back when whoever takes boxes away from outside is done with what it was about: then every process of one that
 * it was taking away has its signal. `scope` asks systemd, which does one thing at a time; `tree` has nobody to ask,
 * and calls back before this returns. A negative errno: it cannot be asked now. */
int box_cgroup_settle(BoxCgroup *b, uint64_t token, box_cgroup_settled_t callback, void *userdata);

/* Makes supervisor/; cgroup.procs of <box>/ and supervisor/ become uid's. ret_supervisor_fd: O_PATH|O_DIRECTORY of
 * supervisor/, for CLONE_INTO_CGROUP; the caller's. */
int box_cgroup_delegate(BoxCgroup *b, uid_t uid, int *ret_supervisor_fd);
int box_cgroup_enable_controllers(BoxCgroup *b);

/* Relative to the cgroup2 mount, with a leading slash. */
const char *box_cgroup_get_path(BoxCgroup *b);

/* SIGKILL for all that is in it, judgebox-init included (cgroup.kill). */
int box_cgroup_kill(BoxCgroup *b);

/* Use of the whole box; RESULT_UNKNOWN where the controller is missing. */
int box_cgroup_read_usage(BoxCgroup *b, usec_t *ret_cpu_usec, uint64_t *ret_memory_bytes, uint64_t *ret_processes);

/* Makes run-<n>/, whose cgroup.procs belongs to the uid given to box_cgroup_delegate(). */
int run_cgroup_new(BoxCgroup *b, uint64_t n, RunCgroup **ret);

/* One that is in an adopted box. Its limits are written anew when they are next set. */
int run_cgroup_adopt(BoxCgroup *b, uint64_t n, RunCgroup **ret);

/* rmdir; every process in it must be gone, and the box still be there. */
RunCgroup *run_cgroup_free(RunCgroup *c);

/* As box_cgroup_release(). */
RunCgroup *run_cgroup_release(RunCgroup *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(RunCgroup *, run_cgroup_free);

int run_cgroup_get_fd(RunCgroup *c, RunCgroupFd which); /* not the caller's */

/* Writes memory.max, memory.swap.max=0, memory.oom.group=1, pids.max, cpu.max, cpuset.cpus as far as controllers are
 * there and the value differs from what was written before. -ENXIO: the machine, or what the cgroups above allow, does
 * not have all of the CPUs in cpu_set; -EOPNOTSUPP: LIMIT_CPU_PERCENT without the controller, which nothing can stand
 * in for. */
int run_cgroup_set_limits(RunCgroup *c, const Limits *limits);
