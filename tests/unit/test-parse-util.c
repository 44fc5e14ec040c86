/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>

#include "parse-util.h"
#include "string-util.h"
#include "test-util.h"
#include "user-name.h"

START_TEST(test_size) {
        static const struct {
                const char *s;
                int r;
                uint64_t v;
        } table[] = {
                { "0", 0, 0 },
                { "1", 0, 1 },
                { "64M", 0, 64 << 20 },
                { "1.5G", 0, UINT64_C(1610612736) },
                { "10KiB", 0, 10240 },
                { "18446744073709551615", 0, UINT64_MAX },
                { "18446744073709551616", -ERANGE, 0 },
                { "16777216T", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { " 1", -EINVAL, 0 },
                { "1 ", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "+1", -EINVAL, 0 },
                { "1.5", -EINVAL, 0 },
                { "1.5B", -EINVAL, 0 },
                { ".5G", -EINVAL, 0 },
                { "1.G", -EINVAL, 0 },
                { "1k", -EINVAL, 0 },
                { "abc", -EINVAL, 0 },
                { "12x", -EINVAL, 0 },
                { "0x10", -EINVAL, 0 },
                { "1e3", -EINVAL, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                uint64_t v = 4711;

                ck_assert_msg(parse_size(table[i].s, &v) == table[i].r, "%s", table[i].s);
                ck_assert_uint_eq(v, table[i].r == 0 ? table[i].v : 4711);
        }
}
END_TEST

START_TEST(test_usec) {
        static const struct {
                const char *s;
                int r;
                usec_t v;
        } table[] = {
                { "1", 0, USEC_PER_SEC },
                { "0.5", 0, USEC_PER_SEC / 2 },
                { "2.000001", 0, 2 * USEC_PER_SEC + 1 },
                { "250ms", 0, 250 * USEC_PER_MSEC },
                { "1.5ms", 0, 1500 },
                { "7us", 0, 7 },
                { "3min", 0, 180 * USEC_PER_SEC },
                { "1h", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "abc", -EINVAL, 0 },
                { "1 s", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "1.1234567890", -EINVAL, 0 },
                { "inf", -EINVAL, 0 },
                { "nan", -EINVAL, 0 },
                { "18446744073709551615", -ERANGE, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                usec_t v = 4711;

                ck_assert_msg(parse_usec(table[i].s, &v) == table[i].r, "%s", table[i].s);
                ck_assert_uint_eq(v, table[i].r == 0 ? table[i].v : 4711);
        }
}
END_TEST

START_TEST(test_errno) {
        ck_assert_int_eq(errno_from_name("ENOENT"), ENOENT);
        ck_assert_int_eq(errno_from_name("EHWPOISON"), EHWPOISON);
        ck_assert_int_eq(errno_from_name("2"), -EINVAL);
        ck_assert_int_eq(errno_from_name(""), -EINVAL);
        ck_assert_int_eq(errno_from_name(NULL), -EINVAL);
}
END_TEST

START_TEST(test_cpu_list) {
        unsigned n = 0;

        ck_assert_int_eq(parse_cpu_list("0-3,6", &n), 0);
        ck_assert_uint_eq(n, 5);
        ck_assert_int_eq(parse_cpu_list("7", NULL), 0);
        ck_assert_int_eq(parse_cpu_list("", NULL), -EINVAL);
        ck_assert_int_eq(parse_cpu_list("3-1", NULL), -EINVAL);
        ck_assert_int_eq(parse_cpu_list("1,", NULL), -EINVAL);
        ck_assert_int_eq(parse_cpu_list("1,,2", NULL), -EINVAL);
        ck_assert_int_eq(parse_cpu_list("8192", NULL), -ERANGE);
}
END_TEST

START_TEST(test_format_cpu_set) {
        static const char *const lists[] = { "", "0", "0-3,6", "1,3,5-7", "1023" };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                _cleanup_free_ char *s = NULL;
                cpu_set_t set;

                CPU_ZERO(&set);
                if (*lists[i])
                        ck_assert_int_eq(parse_cpu_set(lists[i], &set), 0);
                s = format_cpu_set(&set);
                ck_assert_str_eq(s, lists[i]);
        }
}
END_TEST

START_TEST(test_box_names) {
        ck_assert(box_id_is_valid("a"));
        ck_assert(box_id_is_valid("Az_-09"));
        ck_assert(box_id_is_valid("0123456789abcdef0123456789abcdef"));
        ck_assert(!box_id_is_valid("0123456789abcdef0123456789abcdef0"));
        ck_assert(!box_id_is_valid(""));
        ck_assert(!box_id_is_valid(NULL));
        ck_assert(!box_id_is_valid("a/b"));
        ck_assert(!box_id_is_valid(".."));
        ck_assert(!box_id_is_valid("a b"));
        ck_assert(!box_id_is_valid("\xc3\xa4"));
}
END_TEST

START_TEST(test_box_paths) {
        char longest[5000];

        ck_assert(box_path_is_valid("a"));
        ck_assert(box_path_is_valid("/a/b"));
        ck_assert(box_path_is_valid("a..b/..."));
        ck_assert(box_path_is_valid("./a"));
        ck_assert(!box_path_is_valid(""));
        ck_assert(!box_path_is_valid(NULL));
        ck_assert(!box_path_is_valid(".."));
        ck_assert(!box_path_is_valid("../a"));
        ck_assert(!box_path_is_valid("a/.."));
        ck_assert(!box_path_is_valid("/a/../b"));

        memset(longest, 'x', sizeof(longest));
        longest[sizeof(longest) - 1] = '\0';
        ck_assert(!box_path_is_valid(longest));
        longest[300] = '\0';
        ck_assert(!box_path_is_valid(longest));
        longest[255] = '\0';
        ck_assert(box_path_is_valid(longest));
}
END_TEST

START_TEST(test_reserved_box_paths) {
        static const char *const reserved[] = {
                "/", "//.//", "/proc", "/./proc/", "//proc/self", "/dev", "/dev/", "/dev/null", "/dev/shmx", "/dev/./fd/0",
        };
        static const char *const others[] = {
                "/a", "/process", "/devices", "/box/proc", "/dev/shm", "/dev//shm/", "/dev/./shm/x", "/.proc",
        };

        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                ck_assert_msg(box_path_is_reserved(reserved[i]), "%s", reserved[i]);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                ck_assert_msg(!box_path_is_reserved(others[i]), "%s", others[i]);
}
END_TEST

START_TEST(test_format) {
        ck_assert_str_eq(FORMAT_BYTES(0), "0B");
        ck_assert_str_eq(FORMAT_BYTES(1023), "1023B");
        ck_assert_str_eq(FORMAT_BYTES(1536), "1.5K");
        ck_assert_str_eq(FORMAT_BYTES(UINT64_C(256) << 20), "256.0M");
        ck_assert_str_eq(FORMAT_TIMESPAN(12), "12us");
        ck_assert_str_eq(FORMAT_TIMESPAN(1234), "1.2ms");
        ck_assert_str_eq(FORMAT_TIMESPAN(1234567), "1.234s");
}
END_TEST

START_TEST(test_strv) {
        _cleanup_strv_free_ char **l = NULL;
        _cleanup_free_ char *joined = NULL;

        ck_assert_int_eq(strv_split("a,,b", ",", &l), 0);
        ck_assert_uint_eq(strv_length(l), 3);
        ck_assert_str_eq(l[1], "");
        ck_assert_int_eq(strv_extendf(&l, "%i", 7), 0);
        joined = strv_join(l, ":");
        ck_assert_str_eq(joined, "a::b:7");
        ck_assert(strv_contains(l, "7"));
        ck_assert(!strv_contains(l, "8"));
}
END_TEST

START_TEST(test_user_names) {
        _cleanup_free_ char *root = user_name_local(0), *nobody_has_it = user_name_local(4000000001U);

        ck_assert_str_eq(root, "root");
        ck_assert_str_eq(nobody_has_it, "4000000001");
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_size, test_usec, test_errno, test_cpu_list, test_format_cpu_set, test_box_names,
                test_box_paths, test_reserved_box_paths, test_format, test_strv, test_user_names,
        };

        return test_run("parse-util", tests, ELEMENTSOF(tests), NULL, NULL);
}
