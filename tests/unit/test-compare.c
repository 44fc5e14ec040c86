/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/mman.h>

#include "compare.h"
#include "fd-util.h"
#include "judge.h"
#include "string-util.h"
#include "test-util.h"

static int make_file(const char *text, size_t size) {
        int fd = memfd_new_sealed("test", text, size);

        ck_assert_int_ge(fd, 0);
        /* The comparison begins at the beginning wherever the offset is. */
        ck_assert_int_ge(lseek(fd, 0, SEEK_END), 0);
        return fd;
}

static int compare(const char *expected, const char *actual, Difference *d) {
        _cleanup_close_ int x = make_file(expected, strlen(expected)), y = make_file(actual, strlen(actual));

        return compare_tokens(x, y, d);
}

START_TEST(test_equal) {
        static const char *const table[][2] = {
                { "", "" },
                { "", " \n\t\r\v\f" },
                { "1 2 3", "1 2 3\n" },
                { "1 2 3\n", "1\n2\r\n\r\n3" },
                { "a\tb", "  a  b  " },
                { "\xff\x01", "\xff\x01" },
        };
        Difference d;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                ck_assert_msg(compare(table[i][0], table[i][1], &d) == 1, "%s", table[i][0]);
                ck_assert_msg(compare(table[i][1], table[i][0], &d) == 1, "%s", table[i][0]);
        }
}
END_TEST

static void check_difference(const char *expected, const char *actual, const char *sentence) {
        _cleanup_free_ char *text = NULL;
        Difference d;

        ck_assert_int_eq(compare(expected, actual, &d), 0);
        text = difference_format(&d);
        ck_assert_str_eq(text, sentence);
}

START_TEST(test_different) {
        check_difference("1", "2", "line 1, column 1 (token 1): expected \"1\", got \"2\"");
        check_difference("1 2\n3", "1 2\n  4", "line 2, column 3 (token 3): expected \"3\", got \"4\"");
        check_difference("10", "1", "line 1, column 1 (token 1): expected \"10\", got \"1\"");
        check_difference("1", "10", "line 1, column 1 (token 1): expected \"1\", got \"10\"");
        check_difference("1 2", "12", "line 1, column 1 (token 1): expected \"1\", got \"12\"");
        check_difference("a b", "a\n", "line 2, column 1 (token 2): expected \"b\", got the end of the output");
        check_difference("a", "a b", "line 1, column 3 (token 2): expected the end of the output, got \"b\"");
        check_difference("a", "", "line 1, column 1 (token 1): expected \"a\", got the end of the output");
        /* What the program wrote must not reach a terminal as it is, nor fill it. */
        check_difference("a", "\x1b[2J", "line 1, column 1 (token 1): expected \"a\", got \"\\x1b[2J\"");
        check_difference("a", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee",
                         "line 1, column 1 (token 1): expected \"a\", got "
                         "\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd\"...");
}
END_TEST

/* Tokens that span buffers, with the difference at every offset around a buffer's end. */
START_TEST(test_buffers) {
        size_t size = 3 * 65536;
        _cleanup_free_ char *text = new(char, size);
        Difference d;

        for (size_t i = 0; i < size; i++)
                text[i] = i % 7 == 0 ? ' ' : (char) ('a' + i % 26);

        for (size_t at = 65530; at < 65542; at++) {
                _cleanup_close_ int x = -EBADF, y = -EBADF;
                char old = text[at];

                x = make_file(text, size);
                text[at] = old == ' ' ? 'X' : '#';
                y = make_file(text, size);
                text[at] = old;

                ck_assert_int_eq(compare_tokens(x, x, &d), 1);
                ck_assert_int_eq(compare_tokens(x, y, &d), 0);
                ck_assert_uint_eq(d.line, 1);
                ck_assert_uint_le(d.column, at + 1);
                ck_assert_uint_ge(d.column + 8, at + 1);
        }
}
END_TEST

START_TEST(test_unreadable) {
        _cleanup_close_ int x = make_file("a", 1), y = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Difference d;

        ck_assert_int_eq(compare_tokens(x, y, &d), -EISDIR);
        ck_assert_int_eq(compare_tokens(y, x, &d), -EISDIR);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_equal, test_different, test_buffers, test_unreadable };

        return test_run("compare", tests, ELEMENTSOF(tests), NULL, NULL);
}
