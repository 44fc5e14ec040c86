/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "terminal.h"

/* How long the kernel may take to hand over what was written before the program's side was closed. */
#define FINISH_USEC (2 * USEC_PER_SEC)

struct Terminal {
        int fd;
        Relay *relays[2]; /* in, out */
        struct termios saved;
        bool is_raw;
};

int terminal_new(Terminal **ret, int *ret_program_fd) {
        _cleanup_close_ int fd = -EBADF, program_fd = -EBADF;
        struct termios settings;
        Terminal *t;
        int r;

        assert(ret);
        assert(ret_program_fd);

        fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0)
                return -errno;

        /* By descriptor: what /dev/pts has under its name here may be another mount's. */
        program_fd = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (program_fd < 0)
                return -errno;

        r = fd_set_nonblock(fd, true);
        if (r < 0)
                return r;

        t = new(Terminal, 1);
        if (!t)
                return -ENOMEM;

        *t = (Terminal) { .fd = TAKE_FD(fd) };
        if (tcgetattr(STDIN_FILENO, &settings) >= 0)
                (void) tcsetattr(program_fd, TCSANOW, &settings);
        terminal_resize(t);

        *ret = t;
        *ret_program_fd = TAKE_FD(program_fd);
        return 0;
}

Terminal *terminal_free(Terminal *t) {
        if (!t)
                return NULL;

        if (t->is_raw)
                (void) tcsetattr(STDIN_FILENO, TCSADRAIN, &t->saved);
        for (size_t i = 0; i < ELEMENTSOF(t->relays); i++)
                (void) relay_free(t->relays[i]);
        (void) safe_close(t->fd);
        return mfree(t);
}

int terminal_begin(Terminal *t, Relay *ret_relays[static 2]) {
        struct termios raw;
        int r;

        assert(t);

        for (size_t i = 0; i < ELEMENTSOF(t->relays); i++) {
                _cleanup_close_ int fd = -EBADF;
                bool input = i == 0;

                fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 3);
                if (fd < 0)
                        return -errno;

                r = relay_new_terminal(input ? STDIN_FILENO : STDOUT_FILENO, input, fd, t->relays + i);
                if (r < 0)
                        return r;
                (void) TAKE_FD(fd);
                ret_relays[i] = t->relays[i];
        }

        if (tcgetattr(STDIN_FILENO, &t->saved) >= 0) {
                raw = t->saved;
                cfmakeraw(&raw);
                t->is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) >= 0;
        }

        return 0;
}

void terminal_resize(Terminal *t) {
        struct winsize size;

        assert(t);

        if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) >= 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0)
                (void) ioctl(t->fd, TIOCSWINSZ, &size);
}

void terminal_finish(Terminal *t) {
        usec_t end = now_usec(CLOCK_MONOTONIC) + FINISH_USEC;
        Relay *output;

        assert(t);

        /* EIO, once all is read, ends it. */
        output = t->relays[1];
        while (output && !relay_is_over(output)) {
                struct pollfd p = relay_poll(output);
                usec_t now = now_usec(CLOCK_MONOTONIC);

                if (now >= end || poll(&p, 1, (int) ((end - now) / USEC_PER_MSEC) + 1) <= 0)
                        return;
                relay_process(output, p.revents);
        }
}
