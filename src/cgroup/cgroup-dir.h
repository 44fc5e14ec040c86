/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is done to one cgroup's directory, by a descriptor of it or of its parent. */

#include <dirent.h>

#include "cgroup.h"

DEFINE_VOID_CLEANUP_FUNC(DIR *, closedir, closedirp);

/* Opens a cgroup below dir_fd; "" is dir_fd itself. Never leaves the mount or dir_fd. Flags as O_PATH, O_RDONLY. */
int cgroup_dir_open(int dir_fd, const char *path, int flags);

/* The cgroups right below one: opens it, then gives name after name; 0 at the end. */
int cgroup_dir_iterate(int dir_fd, const char *path, DIR **ret);
int cgroup_dir_next(DIR *d, const char **ret_name);

/* Reads cgroup.controllers or cgroup.subtree_control. */
int cgroup_dir_read_controllers(int dir_fd, const char *file, CgroupController *ret);

/* Enables for the children what is wanted and there to be enabled. ret_enabled: what the children have of `want`
 * afterwards. -EBUSY where the cgroup has processes of its own, which the kernel allows in its root only. */
int cgroup_dir_enable(int dir_fd, CgroupController want, CgroupController *ret_enabled);

/* The "+cpu +memory" that cgroup.subtree_control takes. */
#define CGROUP_ENABLE_MAX sizeof("+cpu +memory +pids +cpuset")
char *cgroup_controllers_to_enable(CgroupController c, char buf[static CGROUP_ENABLE_MAX]);

/* Whether any process lives in it or below it; false where it is gone. */
int cgroup_dir_is_populated(int dir_fd);

/* Whether the directory behind the descriptor still exists. */
bool cgroup_dir_exists(int dir_fd);

/* SIGKILL for all processes in it and below it. */
int cgroup_dir_kill(int dir_fd);

/* Removes it and all below it. -EBUSY where that has processes; 0 where there is no such directory. */
int cgroup_dir_remove(int parent_fd, const char *name);

/* Likewise all below it, but not itself. */
int cgroup_dir_remove_children(int dir_fd);

/* Moves all processes of `dir_fd` itself into `leaf_fd`. Costs up to 10 ms for each: for our own start only. */
int cgroup_dir_move_processes(int dir_fd, int leaf_fd);
