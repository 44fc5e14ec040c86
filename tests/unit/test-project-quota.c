/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "project-quota.h"
#include "test-util.h"

/* Without a file system that has them; with one, tests/guest/test-quota.py shows what comes of it. */

START_TEST(test_names) {
        static const char text[] = "# comment:7\nwww:10\n\nmail:11:more\nodd\n:12\nlarge:4294967295\nhuge:42949672960\nword:x13\nlast:14";
        static const uint32_t named[] = { 10, 11, 12, UINT32_MAX, 14 }, other[] = { 0, 7, 1, 13, 42 };

        for (size_t i = 0; i < ELEMENTSOF(named); i++)
                ck_assert(project_id_is_named(text, named[i]));
        for (size_t i = 0; i < ELEMENTSOF(other); i++)
                ck_assert(!project_id_is_named(text, other[i]));
        ck_assert(!project_id_is_named(NULL, 10));
        ck_assert(!project_id_is_named("", 10));
}
END_TEST

/* Where there are none it is said so, and nothing is given. */
START_TEST(test_not_there) {
        _cleanup_close_ int fd = -EBADF;
        const char *missing = NULL;

        fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(project_quota_check(fd, &missing), 0);
        ck_assert_ptr_nonnull(strstr(missing, "has no project quotas"));
        ck_assert_int_lt(project_quota_limit(fd, PROJECT_ID_FIRST, 1, 1), 0);
        ck_assert_int_lt(project_quota_assign(fd, PROJECT_ID_FIRST, &(uint32_t) { 0 }, &(uint32_t) { 0 }), 0);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_names, test_not_there };

        return test_run("project-quota", tests, ELEMENTSOF(tests), NULL, NULL);
}
