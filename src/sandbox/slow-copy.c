/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "copy.h"
#include "fd-util.h"
#include "slow-copy.h"
#include "worker.h"

struct SlowCopy {
        Worker worker;
        int target_fd; /* the caller's */
        off_t size;    /* of the target, when it was last looked at */
        nsec_t check, deadline;
};

static size_t n_copies = 0;

typedef struct Task {
        int source_fd, target_fd;
        uint64_t max_bytes;
} Task;

static int copy_main(void *userdata) {
        const Task *t = userdata;
        Copy c;
        int r;

        r = copy_begin(t->source_fd, t->target_fd, t->max_bytes, &c);
        if (r >= 0)
                do
                        r = copy_step(&c);
                while (r > 0);

        /* A program that somebody has open for writing cannot be executed. */
        (void) close(t->target_fd);
        return r;
}

int slow_copy_start(int source_fd, int target_fd, uint64_t max_bytes, nsec_t deadline, SlowCopy **ret) {
        Task task = { .source_fd = source_fd, .target_fd = target_fd, .max_bytes = max_bytes };
        const int keep[] = { source_fd, target_fd };
        nsec_t now = now_nsec(CLOCK_MONOTONIC);
        SlowCopy *c;
        int r;

        assert(source_fd >= 0);
        assert(target_fd >= 0);
        assert(ret);

        if (now >= deadline)
                return -ETIMEDOUT;
        if (n_copies >= SLOW_COPIES_MAX)
                return -EAGAIN;

        c = new(SlowCopy, 1);
        if (!c)
                return -ENOMEM;

        *c = (SlowCopy) { .target_fd = target_fd, .deadline = deadline };
        c->check = MIN(now + SLOW_COPY_STALL_NSEC, deadline);

        r = worker_start("judgebox-copy", keep, ELEMENTSOF(keep), copy_main, &task, &c->worker);
        if (r < 0) {
                free(c);
                return r;
        }
        n_copies++;

        *ret = c;
        return 0;
}

SlowCopy *slow_copy_free(SlowCopy *c) {
        if (!c)
                return NULL;

        worker_done(&c->worker);
        n_copies--;
        return mfree(c);
}

int slow_copy_get_fd(const SlowCopy *c) {
        assert(c);

        return worker_get_fd(&c->worker);
}

int slow_copy_advance(SlowCopy *c, nsec_t now) {
        struct stat st;
        int result, r;

        assert(c);

        r = worker_get_result(&c->worker, &result);
        if (r <= 0)
                return r < 0 ? r : MIN(result, 0);

        if (now < c->check)
                return 1;

        if (fstat(c->target_fd, &st) < 0)
                return -errno;
        if (st.st_size == c->size || now >= c->deadline)
                return -ETIMEDOUT;

        c->size = st.st_size;
        c->check = MIN(now + SLOW_COPY_STALL_NSEC, c->deadline);
        return 1;
}

nsec_t slow_copy_next_check(const SlowCopy *c) {
        assert(c);

        return c->check;
}
