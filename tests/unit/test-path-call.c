/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/syscall.h>

#include "path-call.h"
#include "test-util.h"

START_TEST(test_table) {
        const PathCall *table;
        size_t n;

        table = path_call_table(&n);
        ck_assert_uint_gt(n, 20);

        for (size_t i = 0; i < n; i++) {
                ck_assert_uint_ne(table[i].arguments, 0);
                ck_assert_uint_lt(table[i].arguments, 1 << 6);
                ck_assert_ptr_nonnull(path_class_to_string(table[i].class));
                /* Twice in it would mean that one of the two is never found. */
                ck_assert_ptr_eq(path_call_find(table[i].number), table + i);
        }
}
END_TEST

START_TEST(test_find) {
        ck_assert_uint_eq(path_call_find(SYS_openat)->arguments, 1 << 1);
        ck_assert_int_eq(path_call_find(SYS_openat)->open, PATH_OPEN_FLAGS);
        ck_assert_int_eq(path_call_find(SYS_execve)->class, PATH_EXEC);
        ck_assert_uint_eq(path_call_find(SYS_linkat)->arguments, 1 << 1 | 1 << 3);
        ck_assert_ptr_null(path_call_find(SYS_read));
        ck_assert_ptr_null(path_call_find(-1));
}
END_TEST

START_TEST(test_class_of_open) {
        ck_assert_int_eq(path_class_of_open(O_RDONLY), PATH_READ);
        ck_assert_int_eq(path_class_of_open(O_RDONLY | O_CLOEXEC | O_DIRECTORY), PATH_READ);
        ck_assert_int_eq(path_class_of_open(O_PATH), PATH_READ);
        ck_assert_int_eq(path_class_of_open(O_WRONLY), PATH_WRITE);
        ck_assert_int_eq(path_class_of_open(O_RDWR), PATH_WRITE);
        ck_assert_int_eq(path_class_of_open(O_RDONLY | O_CREAT), PATH_WRITE);
        ck_assert_int_eq(path_class_of_open(O_RDONLY | O_TRUNC), PATH_WRITE);
}
END_TEST

START_TEST(test_names) {
        for (PathClass c = 0; c < _PATH_CLASS_MAX; c++)
                ck_assert_int_eq(path_class_from_string(path_class_to_string(c)), c);
        ck_assert_int_eq(path_class_from_string("open"), -EINVAL);
        ck_assert_ptr_null(path_class_to_string(_PATH_CLASS_MAX));
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_table, test_find, test_class_of_open, test_names };

        return test_run("path-call", tests, ELEMENTSOF(tests), NULL, NULL);
}
