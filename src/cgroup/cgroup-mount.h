/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the cgroup2 hierarchy is mounted and where in it a process is, from the texts that /proc gives. Both are
 * relative to the reader's cgroup namespace; a mount may show only a part of that. */

#include "string-util.h"

typedef struct CgroupMount {
        char *root;  /* the cgroup that the mount shows at its top */
        char *point; /* where it is mounted */
        bool read_only;
} CgroupMount;

CgroupMount *cgroup_mounts_free(CgroupMount *mounts, size_t n);

/* Takes the text of /proc/self/mountinfo. The cgroup2 mounts in it, best first: writable before read-only, those
 * that show the whole hierarchy before those that show a part. Lines that are not as proc(5) says are skipped. */
int cgroup_mounts_parse(const char *text, CgroupMount **ret, size_t *ret_n);

/* Takes the text of /proc/<pid>/cgroup. The path on the "0::" line; -ENODATA where there is none. */
int cgroup_path_parse(const char *text, char **ret);

/* What is left of the path below root, with no leading slash; NULL where the path is not below it or either is
 * outside of our cgroup namespace ("/.."). */
const char *cgroup_path_below(const char *path, const char *root);

/* The best cgroup2 mount, one that can be written to if there is any; mostly a copy of it that is mounted nowhere, as a
 * descriptor of its path alone. ret_root: the cgroup that it shows at its
 * top. -EOPNOTSUPP where there is no cgroup2. */
int cgroup_mount_open(int *ret_fd, char **ret_root);

/* pid 0: our own. */
int cgroup_path_of_pid(pid_t pid, char **ret);
