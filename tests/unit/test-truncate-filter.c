/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter-evaluate.h"
#include "test-util.h"
#include "truncate-filter.h"

#if defined(__x86_64__)

static uint32_t answer(uint32_t arch, int nr, uint64_t a, uint64_t b, uint64_t c) {
        struct seccomp_data call = { .nr = nr, .arch = arch, .args = { a, b, c } };
        const struct sock_filter *f;
        size_t n;

        f = truncate_filter_get(&n);
        return filter_evaluate(f, n, &call);
}

#define ck_assert_allowed(...) ck_assert_uint_eq(answer(__VA_ARGS__), SECCOMP_RET_ALLOW)
#define ck_assert_fails(error, ...) ck_assert_uint_eq(answer(__VA_ARGS__), SECCOMP_RET_ERRNO | (error))

START_TEST(test_calls) {
        static const struct {
                uint32_t arch;
                int open, openat, openat2, io_uring_setup, others[4];
        } table[] = {
                { AUDIT_ARCH_X86_64, SYS_open, SYS_openat, SYS_openat2, SYS_io_uring_setup,
                  { SYS_ftruncate, SYS_creat, SYS_read, SYS_writev } },
                { AUDIT_ARCH_I386, 5, 295, 437, 425, { 93 /* ftruncate */, 8 /* creat */, 3 /* read */, 4 /* write */ } },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const uint32_t arch = table[i].arch;

                ck_assert_allowed(arch, table[i].open, O_TRUNC, O_RDONLY, O_TRUNC);
                ck_assert_allowed(arch, table[i].open, 0, O_WRONLY | O_TRUNC | O_CREAT, 0);
                ck_assert_allowed(arch, table[i].open, 0, O_RDWR | O_TRUNC, 0);
                ck_assert_fails(EACCES, arch, table[i].open, 0, O_RDONLY | O_TRUNC, 0);
                ck_assert_fails(EACCES, arch, table[i].open, 0, O_ACCMODE | O_TRUNC | O_CREAT, 0);
                ck_assert_allowed(arch, table[i].openat, O_TRUNC, O_TRUNC, O_RDONLY | O_DIRECTORY);
                ck_assert_allowed(arch, table[i].openat, 0, 0, O_WRONLY | O_TRUNC);
                ck_assert_allowed(arch, table[i].openat, 0, 0, O_RDWR | O_TRUNC);
                ck_assert_fails(EACCES, arch, table[i].openat, 0, 0, O_TRUNC);
                ck_assert_fails(EACCES, arch, table[i].openat, 0, 0, UINT64_C(0xffffffff00000000) | O_TRUNC);
                ck_assert_fails(ENOSYS, arch, table[i].openat2, 0, 0, 0);
                ck_assert_fails(ENOSYS, arch, table[i].io_uring_setup, 0, 0, 0);
                for (size_t k = 0; k < ELEMENTSOF(table[i].others); k++)
                        ck_assert_allowed(arch, table[i].others[k], O_TRUNC, O_TRUNC, O_TRUNC);
        }

        ck_assert_fails(EACCES, AUDIT_ARCH_X86_64, SYS_truncate, 0, 0, 0);
        ck_assert_fails(EACCES, AUDIT_ARCH_I386, 92, 0, 0, 0);
        ck_assert_fails(EACCES, AUDIT_ARCH_I386, 193, 0, 0, 0);
        ck_assert_fails(ENOSYS, AUDIT_ARCH_X86_64, 0x40000000 | SYS_truncate, 0, 0, 0);
        ck_assert_fails(ENOSYS, AUDIT_ARCH_AARCH64, 0, 0, 0, 0);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_calls };

        return test_run("truncate-filter", tests, ELEMENTSOF(tests), NULL, NULL);
}

#else

int main(void) {
        return 77; /* the numbers are those of x86-64 */
}

#endif
