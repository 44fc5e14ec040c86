/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "fd-util.h"
#include "journal.h"
#include "message-ids.h"
#include "string-util.h"
#include "test-util.h"

static void setup(void) {
        log_set_max_level(LOG_INFO);
}

static void teardown(void) {
}

START_TEST(test_fields) {
        const JournalSubject run = { .owner = 1000, .box = "5", .run = 7 }, nobody = { .owner = JOURNAL_NOBODY };
        _cleanup_strv_free_ char **all = NULL, **few = NULL;
        _cleanup_free_ char *a = NULL, *b = NULL;

        ck_assert_int_eq(journal_fields(LOG_WARNING, -ENOMEM, MESSAGE_BOX_FAILED, &run, "What\nhappened", &all), 0);
        a = strv_join(all, "|");
        ck_assert_str_eq(
                        a,
                        "MESSAGE=What\nhappened|PRIORITY=4|SYSLOG_IDENTIFIER=judgeboxd|ERRNO=12|"
                        "MESSAGE_ID=" MESSAGE_BOX_FAILED
                        "|JUDGEBOX_OWNER_UID=1000|JUDGEBOX_ID=5|JUDGEBOX_RUN=7");

        ck_assert_int_eq(journal_fields(LOG_INFO, 0, NULL, &nobody, "x", &few), 0);
        b = strv_join(few, "|");
        ck_assert_str_eq(b, "MESSAGE=x|PRIORITY=6|SYSLOG_IDENTIFIER=judgeboxd");
}
END_TEST

/* With no journal it is a line like any other, and below the level it is none. */
START_TEST(test_plain) {
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        _cleanup_close_ int saved = -EBADF;
        char line[256] = "";

        ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
        saved = dup(STDERR_FILENO);
        ck_assert_int_ge(dup2(p[1], STDERR_FILENO), 0);
        errno = ENOTTY;
        ck_assert_int_eq(
                        journal_log(LOG_WARNING, EPERM, MESSAGE_BOX_FAILED, NULL, "Box %i failed: %m", 5), -EPERM);
        ck_assert_int_eq(journal_log(LOG_DEBUG, -EIO, NULL, NULL, "Nobody reads this"), -EIO);
        ck_assert_int_eq(errno, ENOTTY);
        ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);

        ck_assert_int_gt(read(p[0], line, sizeof(line) - 1), 0);
        ck_assert_str_eq(line, "Box 5 failed: Operation not permitted\n");
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_fields,
                test_plain,
        };

        return test_run("journal", tests, ELEMENTSOF(tests), setup, teardown);
}
