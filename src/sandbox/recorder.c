/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/mman.h>

#include "fd-util.h"
#include "recorder.h"

int recorder_open(Recorder *r, uint64_t max_bytes) {
        _cleanup_close_ int fd = -EBADF;

        assert(r);

        fd = memfd_create("judgebox-record", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;

        *r = RECORDER_NULL;
        if (max_bytes > 0 && pipe2(r->pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;

        r->fd = TAKE_FD(fd);
        r->left = max_bytes;
        return 0;
}

void recorder_stop(Recorder *r) {
        assert(r);

        close_many(r->pipe_fds, ELEMENTSOF(r->pipe_fds));
        r->pipe_fds[0] = r->pipe_fds[1] = -EBADF;
        r->left = 0;
}

void recorder_done(Recorder *r) {
        assert(r);

        recorder_stop(r);
        r->fd = safe_close(r->fd);
}

/* Into a memfd all goes at once, unless there is no memory left for it: then the record ends here, not the run. */
static void write_down(Recorder *r, size_t n) {
        while (n > 0) {
                ssize_t k;

                k = splice(r->pipe_fds[0], NULL, r->fd, NULL, n, SPLICE_F_MOVE);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0) {
                        recorder_stop(r);
                        return;
                }
                n -= (size_t) k;
        }
}

ssize_t recorder_take(Recorder *r, int pipe_fd, size_t max) {
        ssize_t n;

        assert(r);

        if (r->ahead > 0 || r->left == 0)
                return (ssize_t) (r->ahead > 0 ? MIN(r->ahead, max) : max);

        n = tee(pipe_fd, r->pipe_fds[1], (size_t) MIN((uint64_t) max, r->left), SPLICE_F_NONBLOCK);
        if (n <= 0)
                return n;

        r->ahead = (size_t) n;
        r->left -= (uint64_t) n;
        write_down(r, (size_t) n);
        return n;
}

void recorder_pass(Recorder *r, size_t n) {
        assert(r);

        r->ahead -= MIN(r->ahead, n);
}
