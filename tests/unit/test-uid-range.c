/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "test-util.h"
#include "uid-range.h"

static char lock_path[] = "/tmp/test-uid-range-XXXXXX";

static void setup(void) {
        int fd = mkstemp(lock_path);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(close(fd), 0);
}

static void teardown(void) {
        ck_assert_int_eq(unlink(lock_path), 0);
        memcpy(lock_path + sizeof(lock_path) - 7, "XXXXXX", 6);
}

START_TEST(test_no_overlap) {
        _cleanup_(uid_range_freep) UidRange *u = NULL;
        uid_t first, base, previous;

        ck_assert_int_eq(uid_range_new(lock_path, &u), 0);
        ck_assert_int_eq(uid_range_allocate(u, &first), 0);
        ck_assert_uint_ge(first, UID_RANGE_FIRST);

        previous = first;
        for (unsigned i = 1; i < UID_RANGE_BLOCK_BOXES; i++) {
                ck_assert_int_eq(uid_range_allocate(u, &base), 0);
                ck_assert_uint_eq(base, previous + UID_RANGE_BOX_SIZE);
                previous = base;
        }
}
END_TEST

START_TEST(test_late_reuse) {
        _cleanup_(uid_range_freep) UidRange *u = NULL;
        uid_t a, b, base;

        ck_assert_int_eq(uid_range_new(lock_path, &u), 0);
        ck_assert_int_eq(uid_range_allocate(u, &a), 0);
        ck_assert_int_eq(uid_range_allocate(u, &b), 0);
        uid_range_release(u, a);

        /* All the others come before the one that was just given back. */
        for (unsigned i = 2; i < UID_RANGE_BLOCK_BOXES; i++) {
                ck_assert_int_eq(uid_range_allocate(u, &base), 0);
                ck_assert_uint_ne(base, a);
                ck_assert_uint_ne(base, b);
        }
        ck_assert_int_eq(uid_range_allocate(u, &base), 0);
        ck_assert_uint_eq(base, a);
}
END_TEST

START_TEST(test_second_block_and_end) {
        _cleanup_(uid_range_freep) UidRange *u = NULL;
        uid_t base;

        ck_assert_int_eq(uid_range_new(lock_path, &u), 0);
        for (unsigned i = 0; i < UID_RANGE_BLOCK_BOXES * UID_RANGE_BLOCKS_MAX; i++)
                ck_assert_int_eq(uid_range_allocate(u, &base), 0);

        ck_assert_int_eq(uid_range_allocate(u, &base), -ENOSPC);
        uid_range_release(u, base);
        ck_assert_int_eq(uid_range_allocate(u, &base), 0);
}
END_TEST

START_TEST(test_two_daemons) {
        _cleanup_(uid_range_freep) UidRange *u = NULL, *v = NULL, *w = NULL;
        uid_t a, b, c;

        ck_assert_int_eq(uid_range_new(lock_path, &u), 0);
        ck_assert_int_eq(uid_range_new(lock_path, &v), 0);
        ck_assert_int_eq(uid_range_allocate(u, &a), 0);
        ck_assert_int_eq(uid_range_allocate(v, &b), 0);
        ck_assert_uint_eq(b, a + UID_RANGE_BLOCK_SIZE);

        /* What a daemon had is free when it is gone. */
        u = uid_range_free(u);
        ck_assert_int_eq(uid_range_new(lock_path, &w), 0);
        ck_assert_int_eq(uid_range_allocate(w, &c), 0);
        ck_assert_uint_eq(c, a);
}
END_TEST

START_TEST(test_without_lock) {
        _cleanup_(uid_range_freep) UidRange *u = NULL, *v = NULL;
        uid_t a, b;

        ck_assert_int_eq(uid_range_new("/nonexistent/lock", &u), 0);
        ck_assert_int_eq(uid_range_new(NULL, &v), 0);
        ck_assert_int_eq(uid_range_allocate(u, &a), 0);
        ck_assert_int_eq(uid_range_allocate(v, &b), 0);
        ck_assert_uint_ge(a, UID_RANGE_FIRST);
        ck_assert_uint_eq((a - UID_RANGE_FIRST) % UID_RANGE_BLOCK_SIZE, 0);
}
END_TEST

START_TEST(test_adopt) {
        _cleanup_(uid_range_freep) UidRange *u = NULL, *other = NULL, *next = NULL;
        uid_t base, again;
        int fd;

        ck_assert_int_eq(uid_range_new(lock_path, &u), 0);
        ck_assert_int_eq(uid_range_new(lock_path, &other), 0);
        ck_assert_int_eq(uid_range_allocate(u, &base), 0);
        ck_assert_int_eq(uid_range_adopt(u, base), -EEXIST);
        ck_assert_int_eq(uid_range_adopt(u, base + 1), -EINVAL);
        ck_assert_int_eq(uid_range_adopt(u, 0), -EINVAL);
        ck_assert_int_eq(uid_range_adopt(u, UINT32_MAX - 15), -EINVAL);
        ck_assert_int_eq(uid_range_adopt(other, base + UID_RANGE_BOX_SIZE), -EBUSY);

        /* The descriptor outlives the daemon, and with it what it has locked. */
        fd = fcntl(uid_range_get_lock_fd(u), F_DUPFD_CLOEXEC, 3);
        ck_assert_int_ge(fd, 0);
        u = uid_range_free(u);
        ck_assert_int_eq(uid_range_adopt(other, base), -EBUSY);

        ck_assert_int_eq(uid_range_new_from_fd(fd, &next), 0);
        ck_assert_int_eq(uid_range_adopt(next, base), 0);
        ck_assert_int_eq(uid_range_allocate(next, &again), 0);
        ck_assert_uint_eq(again, base + UID_RANGE_BOX_SIZE);
        uid_range_release(next, base);
        ck_assert_int_eq(uid_range_adopt(next, base), 0);

        /* Another's, where it would not look by itself. */
        uid_range_set_bounds(other, 16 * UID_RANGE_BLOCK_SIZE, UID_RANGE_BLOCK_BOXES);
        ck_assert_int_eq(uid_range_allocate(other, &again), 0);
        ck_assert_uint_eq(again, 16 * UID_RANGE_BLOCK_SIZE);
        ck_assert_int_eq(uid_range_adopt(next, again), -EBUSY);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_no_overlap, test_late_reuse, test_second_block_and_end, test_two_daemons,
                test_without_lock, test_adopt,
        };

        return test_run("uid-range", tests, ELEMENTSOF(tests), setup, teardown);
}
