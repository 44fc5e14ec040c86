/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "file-job.h"
#include "slow-close.h"

/* Entries that one slice of a removal takes away: a millisecond or two. */
#define REMOVAL_SLICE 256U

/* Of a copy that waits for others; judgeboxd waits for 300 s. */
#define SLOW_COPY_NSEC (240 * NSEC_PER_SEC)

static int begin_copy(FileJob *j, Root *root, const char *path, FileFlags flags, uint64_t storage_bytes) {
        uint64_t size;
        int r;

        r = files_open(root, path, flags | FILE_CREATE, &j->copy.target_fd, &size);
        if (r < 0)
                return r;

        j->slow = slow_close_is_marked(j->copy.source_fd);
        if (j->slow) {
                j->copy.max_bytes = storage_bytes;
                j->deadline = now_nsec(CLOCK_MONOTONIC) + SLOW_COPY_NSEC;
                return 0;
        }

        return copy_begin(j->copy.source_fd, j->copy.target_fd, storage_bytes, &j->copy);
}

int file_job_new(Root *root, Message *m, uint64_t storage_bytes, FileJob **ret) {
        _cleanup_(file_job_freep) FileJob *j = NULL;
        const char *path;
        FileFlags flags;
        int r;

        assert(root);
        assert(m);
        assert(ret);

        j = new(FileJob, 1);
        if (!j)
                return -ENOMEM;

        *j = (FileJob) {
                .serial = m->header.serial,
                .removal = TREE_REMOVAL_NULL,
                .copy = { .source_fd = -EBADF, .target_fd = -EBADF },
        };

        if (m->header.type == MESSAGE_COPY)
                r = message_parse_copy(m, &flags, &path, &j->copy.source_fd);
        else
                r = message_parse_file(m, &flags, &path);
        if (r < 0)
                return r;

        if (m->header.type == MESSAGE_COPY)
                r = begin_copy(j, root, path, flags, storage_bytes);
        else if (m->header.type == MESSAGE_LIST)
                r = file_list_new(root, path, flags, &j->list);
        else
                r = files_remove(root, path, flags, &j->removal, &j->bind_removal);
        j->error = MIN(r, 0);

        *ret = TAKE_PTR(j);
        return 0;
}

FileJob *file_job_free(FileJob *j) {
        if (!j)
                return NULL;

        tree_removal_done(&j->removal);
        j->bind_removal = bind_removal_free(j->bind_removal);
        j->list = file_list_free(j->list);
        j->slow_copy = slow_copy_free(j->slow_copy);
        (void) safe_close(j->copy.source_fd);
        (void) safe_close(j->copy.target_fd);
        return mfree(j);
}

static int step_slow_copy(FileJob *j) {
        int r;

        if (j->slow_copy)
                return slow_copy_advance(j->slow_copy, now_nsec(CLOCK_MONOTONIC));

        r = slow_copy_start(j->copy.source_fd, j->copy.target_fd, j->copy.max_bytes, j->deadline, &j->slow_copy);
        if (r < 0)
                return r == -EAGAIN ? 1 : r;

        /* It has one of its own. A program that is started meanwhile must not have to close ours. */
        j->copy.source_fd = safe_close(j->copy.source_fd);
        return 1;
}

int file_job_step(FileJob *j) {
        int r;

        assert(j);

        if (j->error < 0)
                return j->error;
        if (j->list)
                return file_list_step(j->list);
        if (j->slow)
                return step_slow_copy(j);
        if (j->copy.target_fd >= 0)
                return copy_step(&j->copy);
        if (j->bind_removal)
                return bind_removal_step(j->bind_removal);
        if (j->removal.trash_fd < 0)
                return 0;

        j->removal.pause_at = j->removal.steps_left - MIN(j->removal.steps_left, (uint64_t) REMOVAL_SLICE);
        r = tree_collect(&j->removal);
        return r == -EAGAIN ? 1 : r;
}

nsec_t file_job_next_check(const FileJob *j) {
        assert(j);

        return j->slow_copy ? slow_copy_next_check(j->slow_copy) : now_nsec(CLOCK_MONOTONIC) + SLOW_COPY_RETRY_NSEC;
}

int file_job_send_reply(FileJob *j, int socket_fd, int r) {
        _cleanup_close_ int fd = -EBADF;
        size_t size = 0;

        assert(j);

        if (r == 0 && j->list) {
                const char *data = file_list_get(j->list, &size);

                r = fd = memfd_new_sealed("judgebox-list", strempty(data), size);
        }

        return message_send_reply(socket_fd, j->serial, MIN(r, 0), STEP_FILE, size, 0, NULL, 0, fd);
}
