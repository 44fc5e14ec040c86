/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the attacks share. Each file defines one by ATTACK(name), and all are one program, which looks at its argv[0]
 * (attacks.c). Exit status 0 means that the attack succeeded, 1 that it was refused, whereupon standard output says
 * why, and 2 that it could not even begin. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ATTACK(name)                                            \
        int attack_##name(int argc, char *argv[]);              \
        int attack_##name(int argc, char *argv[])

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

enum {
        SUCCEEDED,
        REFUSED,
        BROKEN,
};

/* One way of several: says how it went, and returns whether it worked. */
static inline bool tried(const char *what, long result) {
        printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "worked");
        (void) fflush(stdout);
        return result >= 0;
}

static inline int outcome(bool worked) {
        return worked ? SUCCEEDED : REFUSED;
}

/* What is not under attack went wrong. */
static inline int broken(const char *what) {
        printf("could not begin: %s: %s\n", what, strerrorname_np(errno));
        return BROKEN;
}

static inline void nap(unsigned msec) {
        struct timespec t = { .tv_sec = msec / 1000, .tv_nsec = (long) (msec % 1000) * 1000000 };

        (void) nanosleep(&t, NULL);
}

/* Takes this much of the CPU's time, of this thread. */
static inline void burn(unsigned msec) {
        struct timespec t;
        long long end;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        end = t.tv_sec * 1000000000LL + t.tv_nsec + msec * 1000000LL;
        do
                (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        while (t.tv_sec * 1000000000LL + t.tv_nsec < end);
}

static inline __attribute__((__noreturn__)) void spin(void) {
        for (volatile unsigned i = 0;; i++)
                ;
}

static inline __attribute__((__noreturn__)) void sleep_forever(void) {
        for (;;)
                (void) pause();
}

static inline void ignore_all_signals(void) {
        for (int i = 1; i < 65; i++)
                (void) signal(i, SIG_IGN);
}
