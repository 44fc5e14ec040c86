/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Directories of the host that are made for boxes, as their working directories (setting hostDirectory):
 *
 *   <state>/boxes/<uid>/<id>/       the tenant's, 0700; the program does not see it
 *   <state>/boxes/<uid>/<id>/box/   the tenant's, 0700; the program's working directory
 *   <state>/boxes/.trash/           what is being removed
 *
 * All on one file system, so that a tenant can rename files from box to box. <uid> is root's, so that what the service
 * named stays where it is; and nobody else can get into <id>, where a program may have left a set-user-ID file of the
 * tenant's (the box itself is nosuid).
 *
 * A directory is gone by name at once. What is in it is removed by a process of its own (trash-remover.h). */

#include <systemd/sd-event.h>

#include "project-quota.h"

typedef struct HostDirectories HostDirectories;

/* state: an absolute path, which is there. To be called before there is a descriptor that could not be closed at once. */
int host_directories_new(sd_event *event, const char *state, HostDirectories **ret);
HostDirectories *host_directories_free(HostDirectories *h);
DEFINE_TRIVIAL_CLEANUP_FUNC(HostDirectories *, host_directories_free);

/* The first of the project ids that quotas are made with. */
void host_directories_set_projects(HostDirectories *h, uint32_t first);

/* Whether there can be quotas: 1; 0: what the file system of the directories lacks. */
int host_directories_check_quota(const HostDirectories *h, const char **ret_missing);

/* What may be in <id> at most, itself and box/ included; 0: no limit. */
typedef struct DirectoryQuota {
        uint64_t bytes, inodes;
} DirectoryQuota;

/* Makes them anew, and opens box/. ret_project: the quota's id, 0 where no quota is asked for. */
int host_directory_make(
                HostDirectories *h,
                uid_t uid,
                gid_t gid,
                const char *id,
                const DirectoryQuota *quota,
                uint32_t *ret_project,
                int *ret_box_fd);

/* Takes <id> away, if it is there, and its quota. */
int host_directory_remove(HostDirectories *h, uid_t uid, const char *id, uint32_t project);

/* <state>/boxes */
const char *host_directories_get_path(const HostDirectories *h);

/* Where <id> is. NULL: out of memory. */
char *host_directory_path(const HostDirectories *h, uid_t uid, const char *id);

/* Takes away what belongs to no box, quotas too. */
typedef bool (*host_directory_wanted_t)(uid_t uid, const char *id, void *userdata);
int host_directories_clean(
                HostDirectories *h,
                host_directory_wanted_t wanted,
                project_wanted_t wanted_project,
                void *userdata);
