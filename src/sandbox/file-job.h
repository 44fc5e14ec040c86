/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Requests about files that may take long: removing or listing a large tree, copying a large file. They are done a
 * slice at a time, so that the limits of what runs in the box are watched meanwhile; what may wait for others, by a
 * process of its own. */

#include <sys/queue.h>

#include "copy.h"
#include "files.h"
#include "slow-copy.h"

typedef struct FileJob {
        uint32_t serial; /* of the request that is to be answered */
        int error; /* it could not be begun */
        TreeRemoval removal;
        BindRemoval *bind_removal;
        FileList *list;
        Copy copy;
        bool slow;           /* the source may keep us waiting */
        SlowCopy *slow_copy; /* once it has its turn */
        nsec_t deadline;
        TAILQ_ENTRY(FileJob) jobs;
} FileJob;

typedef TAILQ_HEAD(FileJobList, FileJob) FileJobList;

/* For REMOVE, LIST, COPY. Fails for what does not parse and for lack of memory; all else is the answer. */
int file_job_new(Root *root, Message *m, uint64_t storage_bytes, FileJob **ret);
FileJob *file_job_free(FileJob *j);
DEFINE_TRIVIAL_CLEANUP_FUNC(FileJob *, file_job_free);

/* One slice: 1 if there is more to do, 0 if it is done. Of what is slow, a look at how it is. */
int file_job_step(FileJob *j);

/* When what is slow wants to be looked at again at the latest. */
nsec_t file_job_next_check(const FileJob *j);

/* r: what the last step returned. */
int file_job_send_reply(FileJob *j, int socket_fd, int r);
