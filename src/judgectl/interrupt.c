/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/signalfd.h>

#include "interrupt.h"

static void add_signals(sigset_t *mask, const int *signals) {
        for (; *signals != 0; signals++) {
                struct sigaction sa;

                if (sigaction(*signals, NULL, &sa) >= 0 && sa.sa_handler != SIG_IGN)
                        (void) sigaddset(mask, *signals);
        }
}

int interrupt_block(Interrupt *i) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
        sigset_t mask;

        assert(i);

        if (i->fd >= 0)
                return 0;

        (void) sigemptyset(&mask);
        add_signals(&mask, signals);
        if (i->also)
                add_signals(&mask, i->also);
        if (i->on_resize)
                (void) sigaddset(&mask, SIGWINCH);

        i->fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (i->fd < 0)
                return -errno;

        return RET_NERRNO(sigprocmask(SIG_BLOCK, &mask, &i->old_mask));
}

bool interrupt_check(Interrupt *i) {
        struct signalfd_siginfo si;

        assert(i);

        if (i->fd >= 0 && read(i->fd, &si, sizeof(si)) == sizeof(si)) {
                if (si.ssi_signo != SIGWINCH)
                        i->signal = (int) si.ssi_signo;
                else if (i->on_resize)
                        i->on_resize(i->userdata);
        }

        return i->signal != 0;
}

void interrupt_done(Interrupt *i) {
        assert(i);

        if (i->fd < 0)
                return;

        (void) interrupt_check(i);
        i->fd = safe_close(i->fd);
        (void) sigprocmask(SIG_SETMASK, &i->old_mask, NULL);

        /* So that whoever waits for judgectl learns the truth, and a shell's loop ends as well. */
        if (i->signal != 0)
                (void) raise(i->signal);
}
