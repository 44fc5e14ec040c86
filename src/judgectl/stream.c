/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "stream.h"

#define TERMINAL_EOF '\004' /* ^D, the VEOF of every terminal that was not told otherwise */

bool stream_can_pass(int fd, bool input) {
        struct stat st;
        socklen_t l = sizeof(int);
        int type;

        assert(fd >= 0);

        if (fstat(fd, &st) < 0)
                return false;

        if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))
                return true;
        if (S_ISCHR(st.st_mode))
                return st.st_rdev == makedev(1, 3);

        /* What is read from a socket could also be written to: not for input. */
        return S_ISSOCK(st.st_mode) && !input && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &l) >= 0 &&
                type == SOCK_STREAM;
}

/* The buffer is left as it is: it is large. */
static void relay_init(Relay *r, bool input, int fd, int program_fd) {
        r->input = input;
        r->eof = r->terminal = false;
        r->source_fd = input ? fd : program_fd;
        r->sink_fd = input ? program_fd : fd;
        r->start = r->end = 0;
}

int relay_new(int fd, bool input, Relay **ret, int *ret_program_fd) {
        _cleanup_close_pair_ int pair[2] = EBADF_PAIR;
        _cleanup_free_ Relay *relay = NULL;
        int r;

        assert(fd >= 0);
        assert(ret);
        assert(ret_program_fd);

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;

        /* Our end only: the other is a description of its own, and the program's to set. */
        r = fd_set_nonblock(pair[input ? 1 : 0], true);
        if (r < 0)
                return r;

        relay = new(Relay, 1);
        if (!relay)
                return -ENOMEM;

        relay_init(relay, input, fd, TAKE_FD(pair[input ? 1 : 0]));

        *ret = TAKE_PTR(relay);
        *ret_program_fd = TAKE_FD(pair[input ? 0 : 1]);
        return 0;
}

int relay_new_terminal(int fd, bool input, int terminal_fd, Relay **ret) {
        Relay *relay;

        assert(fd >= 0);
        assert(terminal_fd >= 0);
        assert(ret);

        relay = new(Relay, 1);
        if (!relay)
                return -ENOMEM;

        relay_init(relay, input, fd, terminal_fd);
        relay->terminal = true;
        *ret = relay;
        return 0;
}

bool relay_is_over(const Relay *r) {
        assert(r);

        return r->eof && r->start >= r->end;
}

/* Closes the pipe's end, which tells the program: end of file for its input, SIGPIPE for its output. */
static void relay_stop(Relay *r) {
        if (r->input)
                r->sink_fd = safe_close(r->sink_fd);
        else
                r->source_fd = safe_close(r->source_fd);

        r->eof = true;
        r->start = r->end = 0;
}

Relay *relay_free(Relay *r) {
        if (!r)
                return NULL;

        relay_stop(r);
        return mfree(r);
}

bool relay_is_paused(const Relay *r) {
        pid_t foreground;

        assert(r);

        if (!r->input || r->eof || r->start < r->end)
                return false;

        /* -1: it is no terminal, or not the one that controls us. */
        foreground = tcgetpgrp(r->source_fd);
        return foreground > 0 && foreground != getpgrp();
}

struct pollfd relay_poll(const Relay *r) {
        assert(r);

        if (r->start < r->end)
                return (struct pollfd) { .fd = r->sink_fd, .events = POLLOUT };
        if (r->eof || relay_is_paused(r))
                return (struct pollfd) { .fd = -EBADF };
        return (struct pollfd) { .fd = r->source_fd, .events = POLLIN };
}

/* Positive: something moved; 0: nothing to move now; negative: that side is gone. */
static int relay_step(Relay *r) {
        ssize_t n;

        if (r->start < r->end) {
                n = write(r->sink_fd, r->buffer + r->start, r->end - r->start);
                if (n < 0)
                        return IN_SET(errno, EAGAIN, EINTR) ? 0 : -errno;

                r->start += (size_t) n;
                return 1;
        }

        n = read(r->source_fd, r->buffer, sizeof(r->buffer));
        if (n < 0)
                return IN_SET(errno, EAGAIN, EINTR) ? 0 : -errno;
        if (n == 0 && r->input && r->terminal) {
                /* A terminal has no end: this is how one says so. */
                r->buffer[0] = TERMINAL_EOF;
                r->start = 0;
                r->end = 1;
                r->eof = true;
                return 1;
        }
        if (n == 0)
                return -ENODATA;

        r->start = 0;
        r->end = (size_t) n;
        return 1;
}

void relay_process(Relay *r, short revents) {
        assert(r);

        if (revents == 0 || relay_is_over(r))
                return;

        if (relay_step(r) < 0)
                relay_stop(r);
}

void relay_drain(Relay *r) {
        assert(r);

        if (r->input) {
                relay_stop(r);
                return;
        }

        while (!r->eof) {
                int k;

                k = relay_step(r);
                if (k > 0)
                        continue;

                /* Nothing in the pipe, as the program is gone; or a standard output of ours that does not block
                 * and is slow. */
                if (k < 0 || r->start >= r->end || fd_wait_for_event(r->sink_fd, POLLOUT, USEC_INFINITY) < 0)
                        break;
        }

        relay_stop(r);
}
