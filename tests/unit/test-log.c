/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "capture.h"
#include "log.h"
#include "string-util.h"
#include "test-util.h"

static void check_written(const char *name, const char *expected) {
        Capture c = capture_begin(stderr);
        _cleanup_free_ char *text = NULL;

        log_error("\"%s\"", name);
        text = capture_end(&c);
        ck_assert_str_eq(text, expected);
}

START_TEST(test_names) {
        check_written("plain text", "test: \"plain text\"\n");
        check_written("\xc3\xa4 \xe2\x82\xac \xc2\xa0", "test: \"\xc3\xa4 \xe2\x82\xac \xc2\xa0\"\n");
        check_written("\x1b]0;title\x07\x7f", "test: \"?]0;title??\"\n");
        check_written("\xc2\x9b""2J", "test: \"??2J\"\n");
        check_written("\x9b""2J", "test: \"?2J\"\n");
        check_written("a\ntest: forged\r", "test: \"a?test: forged?\"\n");
}
END_TEST

START_TEST(test_long) {
        char name[4096];
        Capture c;

        /* Cut in the middle of a character, it is still text. */
        for (size_t i = 0; i < 2; i++) {
                _cleanup_free_ char *text = NULL;

                memset(name, 'x', i);
                for (size_t k = i; k + 2 < sizeof(name); k += 2)
                        memcpy(name + k, "\xc3\xa4", 3);
                c = capture_begin(stderr);
                log_error("%s", name);
                text = capture_end(&c);
                ck_assert(endswith(text, i % 2 == 0 ? "?\n" : "\xc3\xa4\n"));
        }
}
END_TEST

START_TEST(test_error) {
        Capture c = capture_begin(stderr);
        _cleanup_free_ char *text = NULL;
        int r;

        r = log_error_errno(-ENOENT, "Failed to open \"%s\": %m", "a\nb");
        text = capture_end(&c);
        ck_assert_int_eq(r, -ENOENT);
        ck_assert_str_eq(text, "test: Failed to open \"a?b\": No such file or directory\n");
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_names, test_long, test_error };

        log_setup("test");
        return test_run("log", tests, ELEMENTSOF(tests), NULL, NULL);
}
