/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "slow-write.h"

typedef struct Task {
        int pipe_fd, target_fd;
} Task;

static int write_main(void *userdata) {
        const Task *t = userdata;
        char buf[64 * 1024];

        for (;;) {
                ssize_t n;
                int r;

                n = read(t->pipe_fd, buf, sizeof(buf));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;

                r = fd_write_full(t->target_fd, buf, (size_t) n);
                if (r < 0)
                        return r;
        }
}

int slow_write_start(int target_fd, int *ret_pipe_fd, Worker *ret) {
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        Task task = { .target_fd = target_fd };
        int r;

        assert(target_fd >= 0);
        assert(ret_pipe_fd);
        assert(ret);

        if (pipe2(p, O_CLOEXEC) < 0)
                return -errno;

        task.pipe_fd = p[0];
        r = worker_start("judgebox-write", (int[]) { p[0], target_fd }, 2, write_main, &task, ret);
        if (r < 0)
                return r;

        *ret_pipe_fd = TAKE_FD(p[1]);
        return 0;
}
