/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "filter-evaluate.h"
#include "set-id-filter.h"
#include "test-util.h"

#if defined(__x86_64__)

static uint32_t answer(uint32_t arch, int nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
        struct seccomp_data call = { .nr = nr, .arch = arch, .args = { a, b, c, d } };
        const struct sock_filter *f;
        size_t n;

        f = set_id_filter_get(&n);
        return filter_evaluate(f, n, &call);
}

#define ck_assert_allowed(...) ck_assert_uint_eq(answer(__VA_ARGS__), SECCOMP_RET_ALLOW)
#define ck_assert_fails(error, ...) ck_assert_uint_eq(answer(__VA_ARGS__), SECCOMP_RET_ERRNO | (error))

START_TEST(test_native) {
        const uint32_t arch = AUDIT_ARCH_X86_64;

        ck_assert_allowed(arch, SYS_read, 04755, 04755, 04755, 04755);
        ck_assert_allowed(arch, SYS_chmod, 0, 0777, 0, 0);
        ck_assert_allowed(arch, SYS_chmod, 0, 01777, 0, 0);
        ck_assert_fails(EPERM, arch, SYS_chmod, 0, 04000, 0, 0);
        ck_assert_fails(EPERM, arch, SYS_chmod, 0, 02000, 0, 0);
        ck_assert_fails(EPERM, arch, SYS_fchmod, 3, 04755, 0, 0);
        ck_assert_fails(EPERM, arch, SYS_fchmodat, 3, 0, 04755, 0);
        ck_assert_fails(EPERM, arch, 452, 3, 0, 02755, 0);
        ck_assert_fails(EPERM, arch, SYS_creat, 0, 04755, 0, 0);
        ck_assert_fails(EPERM, arch, SYS_mknod, 0, 04755, 0, 0);
        ck_assert_fails(EPERM, arch, SYS_mknodat, 3, 0, 04755, 0);
        ck_assert_fails(EPERM, arch, SYS_open, 0, O_CREAT, 04755, 0);
        ck_assert_fails(EPERM, arch, SYS_openat, 3, 0, O_TMPFILE | O_RDWR, 02755);
        ck_assert_allowed(arch, SYS_openat, 3, 0, O_DIRECTORY, 06777);
        ck_assert_allowed(arch, SYS_open, 0, O_RDWR, 06777, 0);
        ck_assert_allowed(arch, SYS_open, 0, O_RDWR | O_CREAT, 0777, 0);
        ck_assert_fails(ENOSYS, arch, SYS_openat2, 0, 0, 0, 0);
        ck_assert_fails(ENOSYS, arch, SYS_io_uring_setup, 0, 0, 0, 0);
}
END_TEST

/* Arguments of another width, and numbers of another table. */
START_TEST(test_other_abis) {
        ck_assert_fails(EPERM, AUDIT_ARCH_I386, 15, 0, 04755, 0, 0);
        ck_assert_fails(EPERM, AUDIT_ARCH_I386, 452, 0, 0, 04755, 0);
        ck_assert_fails(EPERM, AUDIT_ARCH_I386, 295, 0, 0, O_CREAT, 04755);
        ck_assert_fails(ENOSYS, AUDIT_ARCH_I386, 437, 0, 0, 0, 0);
        ck_assert_fails(ENOSYS, AUDIT_ARCH_I386, 425, 0, 0, 0, 0);
        ck_assert_allowed(AUDIT_ARCH_I386, 90, 0, 04755, 0, 0);
        ck_assert_allowed(AUDIT_ARCH_I386, 5, 0, 0, 04755, 0);
        ck_assert_fails(ENOSYS, AUDIT_ARCH_X86_64, 0x40000000 | SYS_chmod, 0, 0, 0, 0);
        ck_assert_fails(ENOSYS, AUDIT_ARCH_AARCH64, 0, 0, 0, 0, 0);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_native, test_other_abis };

        return test_run("set-id-filter", tests, ELEMENTSOF(tests), NULL, NULL);
}

#else

int main(void) {
        return 77; /* the numbers are those of x86-64 */
}

#endif
