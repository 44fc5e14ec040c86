/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "fd-util.h"
#include "filter-evaluate.h"
#include "filter.h"
#include "path-call.h"
#include "spec.h"
#include "test-util.h"

#define NOTIFY SECCOMP_RET_USER_NOTIF

/* Answers one call in its own way, and all others alike. */
#define PROFILE(number, action, otherwise)                                                                      \
        {                                                                                                       \
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),                           \
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                                             \
                BPF_STMT(BPF_RET | BPF_K, (action)),                                                             \
                BPF_STMT(BPF_RET | BPF_K, (otherwise)),                                                          \
        }

static int read_profile(const struct sock_filter *profile, size_t n, Filter *ret) {
        _cleanup_close_ int fd = memfd_new_sealed("filter", profile, n * sizeof(*profile));

        ck_assert_int_ge(fd, 0);
        return filter_read(fd, ret);
}

static uint32_t ask(const Filter *f, int number, uint64_t sixth) {
        struct seccomp_data d = { .nr = number, .arch = AUDIT_ARCH_NATIVE, .args[5] = sixth };

        return filter_evaluate(f->program, f->n, &d);
}

START_TEST(test_secret) {
        static const int launch[] = { SYS_execveat, SYS_exit_group, SYS_clock_gettime, SYS_prlimit64, SYS_sendmsg };
        const struct sock_filter profile[] = PROFILE(SYS_read, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1);
        Filter f, g;

        ck_assert_int_eq(read_profile(profile, ELEMENTSOF(profile), &f), 0);
        ck_assert(!f.notifies);
        ck_assert_uint_ne(f.secret, 0);

        for (size_t i = 0; i < ELEMENTSOF(launch); i++) {
                uint64_t s = f.secret;

                ck_assert_uint_eq(ask(&f, launch[i], s), SECCOMP_RET_ALLOW);
                ck_assert_uint_eq(ask(&f, launch[i], 0), SECCOMP_RET_ERRNO | 1);
                for (unsigned bit = 0; bit < 64; bit++)
                        ck_assert_uint_eq(ask(&f, launch[i], s ^ UINT64_C(1) << bit), SECCOMP_RET_ERRNO | 1);
        }

        /* What it opens is these calls and no other, and nothing that the profile allows is shut. */
        for (int number = -1; number < 1024; number++) {
                bool is_launch = false;

                for (size_t i = 0; i < ELEMENTSOF(launch); i++)
                        is_launch = is_launch || launch[i] == number;
                if (!is_launch)
                        ck_assert_uint_eq(ask(&f, number, f.secret),
                                          number == SYS_read ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | 1);
        }

        ck_assert_int_eq(read_profile(profile, ELEMENTSOF(profile), &g), 0);
        ck_assert_uint_ne(f.secret, g.secret);

        filter_done(&f);
        filter_done(&g);
}
END_TEST

START_TEST(test_kills_are_reported) {
        static const uint32_t kills[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, NOTIFY };

        for (size_t i = 0; i < ELEMENTSOF(kills); i++) {
                const struct sock_filter profile[] = PROFILE(SYS_ptrace, kills[i], SECCOMP_RET_ALLOW);
                Filter f;

                ck_assert_int_eq(read_profile(profile, ELEMENTSOF(profile), &f), 0);
                ck_assert(f.notifies);
                ck_assert_uint_eq(ask(&f, SYS_ptrace, 0), NOTIFY | FILTER_NOTICE_VIOLATION);
                ck_assert_uint_eq(ask(&f, SYS_read, 0), SECCOMP_RET_ALLOW);

                filter_mute(&f);
                ck_assert(!f.notifies);
                ck_assert_uint_eq(ask(&f, SYS_ptrace, 0), SECCOMP_RET_KILL_PROCESS);
                ck_assert_uint_eq(ask(&f, SYS_read, 0), SECCOMP_RET_ALLOW);
                filter_done(&f);
        }
}
END_TEST

START_TEST(test_muted_trace) {
        const struct sock_filter profile[] = PROFILE(SYS_openat, NOTIFY | FILTER_NOTICE_TRACE, SECCOMP_RET_TRAP | 3);
        Filter f;

        ck_assert_int_eq(read_profile(profile, ELEMENTSOF(profile), &f), 0);
        ck_assert_uint_eq(ask(&f, SYS_openat, 0), NOTIFY | FILTER_NOTICE_TRACE);
        filter_mute(&f);
        ck_assert_uint_eq(ask(&f, SYS_openat, 0), SECCOMP_RET_ALLOW);
        ck_assert_uint_eq(ask(&f, SYS_read, 0), SECCOMP_RET_TRAP | 3);
        filter_done(&f);
}
END_TEST

START_TEST(test_longest) {
        struct sock_filter *profile = new0(struct sock_filter, FILTER_LENGTH_MAX);
        Filter f;

        for (size_t i = 0; i < FILTER_LENGTH_MAX; i++)
                profile[i] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

        ck_assert_int_eq(read_profile(profile, FILTER_LENGTH_MAX, &f), 0);
        ck_assert_uint_le(f.n, BPF_MAXINSNS);
        filter_done(&f);
        free(profile);
}
END_TEST

/* What it returns must be known beforehand, or nobody could tell whether to listen. */
START_TEST(test_computed_return) {
        const struct sock_filter profile[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
                BPF_STMT(BPF_RET | BPF_A, 0),
        };
        Filter f;

        ck_assert_int_eq(read_profile(profile, ELEMENTSOF(profile), &f), -EBADMSG);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_secret, test_kills_are_reported, test_muted_trace, test_longest, test_computed_return,
        };

        return test_run("filter", tests, ELEMENTSOF(tests), NULL, NULL);
}
