/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fd-util.h"
#include "output.h"
#include "slow-close.h"
#include "slow-write.h"

#define PUMP_CHUNK (64U * 1024U)

/* How much one wakeup moves at the most, so that a flood does not keep the timers waiting. */
#define PUMP_ROUNDS 16

/* RLIMIT_FSIZE stops a write at an offset, so it can stand for the limit only where the file is empty and
 * written from its start. */
static bool can_be_direct(int fd, const struct statx *sx, uint64_t limit, uint64_t file_limit) {
        int flags;

        if (!S_ISREG(sx->stx_mode) || sx->stx_size != 0 || limit < file_limit)
                return false;

        flags = fcntl(fd, F_GETFL);
        return flags >= 0 && !(flags & O_APPEND) && lseek(fd, 0, SEEK_CUR) == 0;
}

/* What is copied, by somebody who may be kept waiting for it: then it is but a pipe to us. */
static int start_writer(Output *o, int *target) {
        int pipe_fd, r;

        r = slow_write_start(*target, &pipe_fd, &o->writer);
        if (r < 0)
                return r;

        (void) safe_close(*target);
        *target = pipe_fd;
        o->copy = false;
        return 0;
}

int output_open(Output *o, int target_fd, bool captured, uint64_t limit, uint64_t file_limit, int *ret_child_fd) {
        _cleanup_close_ int target = target_fd, child = -EBADF;
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        struct statx sx;
        int r;

        assert(o);
        assert(ret_child_fd);

        *o = OUTPUT_NULL;
        o->limit = limit;
        o->captured = captured;

        if (captured) {
                target = memfd_create("judgebox-output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                if (target < 0)
                        return -errno;
        }

        r = fd_statx_cached(target, STATX_TYPE | STATX_SIZE, &sx);
        if (r < 0)
                return r;

        if (!captured && S_ISCHR(sx.stx_mode)) {
                /* Nothing of it is looked at afterwards. */
                *ret_child_fd = TAKE_FD(target);
                return 0;
        }

        if (!captured && can_be_direct(target, &sx, limit, file_limit)) {
                child = fd_duplicate(target);
                if (child < 0)
                        return child;

                o->state = OUTPUT_DIRECT;
                o->limit = MIN(limit, file_limit);
        } else {
                o->state = OUTPUT_PUMP;
                o->copy = !captured && !S_ISFIFO(sx.stx_mode);
                /* A socket may be slow to close, but is written without waiting. */
                if (o->copy && !S_ISSOCK(sx.stx_mode) && slow_close_is_marked(target)) {
                        r = start_writer(o, &target);
                        if (r < 0)
                                return r;
                }
                if (o->copy) {
                        o->buffer = new(char, PUMP_CHUNK);
                        if (!o->buffer)
                                return -ENOMEM;
                }

                if (pipe2(p, O_CLOEXEC) < 0)
                        return -errno;
                o->pipe_fd = TAKE_FD(p[0]);
                child = TAKE_FD(p[1]);
        }

        o->target_fd = TAKE_FD(target);
        *ret_child_fd = TAKE_FD(child);
        return 0;
}

void output_done(Output *o) {
        assert(o);

        o->pipe_fd = safe_close(o->pipe_fd);
        o->target_fd = safe_close(o->target_fd);
        worker_done(&o->writer);
        recorder_done(&o->recorder);
        o->buffer = mfree(o->buffer);
        o->state = OUTPUT_NONE;
}

int output_record(Output *o, uint64_t max_bytes) {
        assert(o);

        if (o->state != OUTPUT_PUMP || o->copy || o->captured)
                return -EINVAL;

        return recorder_open(&o->recorder, max_bytes);
}

void output_release(Output *o) {
        assert(o);

        if (o->captured)
                return;

        o->pipe_fd = safe_close(o->pipe_fd);
        o->target_fd = safe_close(o->target_fd);
        worker_done(&o->writer);
        recorder_stop(&o->recorder);
        o->buffer = mfree(o->buffer);
        o->state = OUTPUT_NONE;
}

int output_get_memfd(const Output *o) {
        assert(o);

        return o->captured ? o->target_fd : o->recorder.fd;
}

bool output_get_poll(const Output *o, int *ret_fd, short *ret_events) {
        if (o->state == OUTPUT_CLOSED && o->writer.pid > 0) {
                *ret_fd = worker_get_fd(&o->writer);
                *ret_events = POLLIN;
                return true;
        }
        if (o->state != OUTPUT_PUMP)
                return false;

        *ret_fd = o->blocked ? o->target_fd : o->pipe_fd;
        *ret_events = o->blocked ? POLLOUT : POLLIN;
        return true;
}

/* Nothing more comes, which the reader is to know before the program ends; or nobody reads any more, which the program
 * learns from its next write, as it would without us. */
static void output_close(Output *o) {
        o->pipe_fd = safe_close(o->pipe_fd);
        if (!o->captured)
                o->target_fd = safe_close(o->target_fd);
        o->buffer_start = o->buffer_end = 0;
        o->blocked = false;
        o->state = OUTPUT_CLOSED;
}

static size_t pipe_fill(int fd) {
        int n;

        return ioctl(fd, FIONREAD, &n) < 0 || n < 0 ? 0 : (size_t) n;
}

/* Nothing is left in it, and nobody could write any more. */
static bool pipe_is_at_end(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 0) > 0 && !(p.revents & POLLIN);
}

/* Returns whether to go on. */
static bool pump_result(Output *o, ssize_t n) {
        if (n > 0)
                return true;

        if (n < 0 && errno == EAGAIN) {
                /* Either side may be the one that waits. */
                o->blocked = o->buffer_end > o->buffer_start || pipe_fill(o->pipe_fd) > 0;
                return false;
        }
        if (n < 0 && errno == EINTR)
                return true;

        /* The end of the pipe (0), or a target that takes no more. */
        output_close(o);
        return false;
}

static ssize_t write_target(Output *o) {
        size_t size = o->buffer_end - o->buffer_start;
        ssize_t n;

        n = send(o->target_fd, o->buffer + o->buffer_start, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == ENOTSOCK)
                n = write(o->target_fd, o->buffer + o->buffer_start, size);
        return n;
}

static bool pump_copy(Output *o, size_t max) {
        ssize_t n;

        if (o->buffer_start == o->buffer_end) {
                struct pollfd p = { .fd = o->pipe_fd, .events = POLLIN };

                /* The pipe's descriptor blocks, as its flags are shared with nobody but also not needed. */
                if (poll(&p, 1, 0) <= 0)
                        return false;

                n = read(o->pipe_fd, o->buffer, MIN(max, (size_t) PUMP_CHUNK));
                if (!pump_result(o, n))
                        return false;
                if (n < 0)
                        return true;

                o->buffer_start = 0;
                o->buffer_end = (size_t) n;
                o->bytes += (size_t) n;
        }

        n = write_target(o);
        if (!pump_result(o, n))
                return false;
        if (n > 0)
                o->buffer_start += (size_t) n;
        return true;
}

static bool pump_splice(Output *o, size_t max) {
        ssize_t n;

        n = recorder_take(&o->recorder, o->pipe_fd, max);
        if (n <= 0)
                return pump_result(o, n);
        max = (size_t) n;

        n = splice(o->pipe_fd, NULL, o->target_fd, NULL, MIN(max, (size_t) PUMP_CHUNK), SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (n > 0) {
                o->bytes += (size_t) n;
                recorder_pass(&o->recorder, (size_t) n);
        }
        return pump_result(o, n);
}

static void look_at_writer(Output *o) {
        int result;

        if (o->writer.pid > 0 && worker_get_result(&o->writer, &result) <= 0)
                worker_done(&o->writer);
}

void output_pump(Output *o) {
        assert(o);

        if (o->state == OUTPUT_CLOSED)
                look_at_writer(o);
        if (o->state != OUTPUT_PUMP)
                return;

        o->blocked = false;

        for (int i = 0; i < PUMP_ROUNDS; i++) {
                uint64_t left = o->limit - o->bytes;

                if (left == 0 && o->buffer_start == o->buffer_end) {
                        /* The limit itself may be written; one byte more may not. */
                        o->exceeded = pipe_fill(o->pipe_fd) > 0;
                        if (o->exceeded || pipe_is_at_end(o->pipe_fd))
                                output_close(o);
                        return;
                }

                if (!(o->copy ? pump_copy : pump_splice)(o, (size_t) MIN(left, (uint64_t) PUMP_CHUNK)))
                        return;
        }
}

bool output_is_pending(const Output *o) {
        if (o->writer.pid > 0)
                return true;

        return o->state == OUTPUT_PUMP && (o->buffer_end > o->buffer_start || pipe_fill(o->pipe_fd) > 0);
}

uint64_t output_finish(Output *o) {
        struct statx sx;

        assert(o);

        switch (o->state) {
        case OUTPUT_DIRECT:
                if (fd_statx_cached(o->target_fd, STATX_SIZE, &sx) < 0)
                        return RESULT_UNKNOWN;
                o->bytes = sx.stx_size;
                o->exceeded = o->bytes > o->limit;
                return o->bytes;
        case OUTPUT_PUMP:
        case OUTPUT_CLOSED:
                return o->bytes;
        default:
                return RESULT_UNKNOWN;
        }
}
