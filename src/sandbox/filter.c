/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/seccomp.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "fd-util.h"
#include "filter.h"
#include "path-call.h"
#include "spec.h"

/* What spawn.c calls once the filter is loaded. */
static const int launch_calls[] = {
        SYS_execveat, SYS_exit_group, SYS_clock_gettime, SYS_prlimit64, SYS_sendmsg,
};

#define SECRET_CHECKS 5U
#define PROLOGUE_LENGTH (1U + ELEMENTSOF(launch_calls) + SECRET_CHECKS)

_Static_assert(PROLOGUE_LENGTH + FILTER_LENGTH_MAX <= BPF_MAXINSNS, "the kernel takes no longer program");

/* seccomp_data has its 64 bit fields in the machine's byte order. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#  define LOW_HALF(field) (field)
#  define HIGH_HALF(field) ((field) + 4)
#else
#  define LOW_HALF(field) ((field) + 4)
#  define HIGH_HALF(field) (field)
#endif

/* A profile's own first instruction is a load: nothing depends on what this leaves in the accumulator. */
static void write_prologue(uint64_t secret, struct sock_filter *p) {
        const uint32_t argument = offsetof(struct seccomp_data, args[5]);
        const struct sock_filter check[SECRET_CHECKS] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW_HALF(argument)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) secret, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, HIGH_HALF(argument)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) (secret >> 32), 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };

        *p++ = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));

        for (size_t i = 0; i < ELEMENTSOF(launch_calls); i++) {
                size_t others = ELEMENTSOF(launch_calls) - 1 - i;

                *p++ = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) launch_calls[i],
                                                     (uint8_t) others, others == 0 ? SECRET_CHECKS : 0);
        }

        memcpy(p, check, sizeof(check));
}

static bool is_return(const struct sock_filter *f) {
        return BPF_CLASS(f->code) == BPF_RET;
}

/* Turns what kills into a report, and finds out whether there is any. */
static int prepare_returns(Filter *f) {
        for (size_t i = PROLOGUE_LENGTH; i < f->n; i++) {
                struct sock_filter *s = f->program + i;

                if (!is_return(s))
                        continue;
                if (BPF_RVAL(s->code) != BPF_K)
                        return -EBADMSG;

                if (IN_SET(s->k & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD))
                        s->k = SECCOMP_RET_USER_NOTIF | FILTER_NOTICE_VIOLATION;
                if ((s->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
                        f->notifies = true;
        }

        return 0;
}

int filter_read(int fd, Filter *ret) {
        _cleanup_(filter_done) Filter f = {};
        uint64_t size;
        int r;

        assert(ret);

        r = memfd_get_sealed_size(fd, &size);
        if (r < 0)
                return r;

        f.n = (unsigned short) (PROLOGUE_LENGTH + size / sizeof(struct sock_filter));
        f.program = new(struct sock_filter, f.n);
        if (!f.program)
                return -ENOMEM;

        if (pread(fd, f.program + PROLOGUE_LENGTH, size, 0) != (ssize_t) size)
                return -EIO;

        r = prepare_returns(&f);
        if (r < 0)
                return r;

        if (getrandom(&f.secret, sizeof(f.secret), 0) != sizeof(f.secret))
                return -EIO;
        write_prologue(f.secret, f.program);

        *ret = f;
        f.program = NULL;
        return 0;
}

void filter_done(Filter *f) {
        assert(f);

        free(f->program);
        explicit_bzero(f, sizeof(*f));
}

void filter_mute(Filter *f) {
        assert(f);

        for (size_t i = PROLOGUE_LENGTH; i < f->n; i++) {
                struct sock_filter *s = f->program + i;

                if (is_return(s) && (s->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
                        s->k = (s->k & SECCOMP_RET_DATA) == FILTER_NOTICE_TRACE ? SECCOMP_RET_ALLOW
                                                                               : SECCOMP_RET_KILL_PROCESS;
        }

        f->notifies = false;
}
