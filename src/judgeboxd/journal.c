/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

/* Where in the source a line comes from is nothing for an operator. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "journal.h"
#include "string-util.h"

#define FIELDS_MAX 8U

int journal_fields(
                int level,
                int error,
                const char *message_id,
                const JournalSubject *subject,
                const char *message,
                char ***ret) {

        _cleanup_strv_free_ char **l = NULL;
        int r;

        assert(message);
        assert(ret);

        r = strv_extendf(&l, "MESSAGE=%s", message);
        if (r >= 0)
                r = strv_extendf(&l, "PRIORITY=%i", level);
        if (r >= 0)
                r = strv_extend(&l, "SYSLOG_IDENTIFIER=judgeboxd");
        if (r >= 0 && error != 0)
                r = strv_extendf(&l, "ERRNO=%i", abs(error));
        if (r >= 0 && message_id)
                r = strv_extendf(&l, "MESSAGE_ID=%s", message_id);
        if (r >= 0 && subject && subject->owner != JOURNAL_NOBODY)
                r = strv_extendf(&l, "JUDGEBOX_OWNER_UID=%" PRIu32, (uint32_t) subject->owner);
        if (r >= 0 && subject && subject->box)
                r = strv_extendf(&l, "JUDGEBOX_ID=%s", subject->box);
        if (r >= 0 && subject && subject->run > 0)
                r = strv_extendf(&l, "JUDGEBOX_RUN=%" PRIu64, subject->run);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

static int send_fields(char *const *fields) {
        struct iovec iov[FIELDS_MAX];
        int n = 0;

        STRV_FOREACH(f, fields) {
                assert((size_t) n < ELEMENTSOF(iov));
                iov[n++] = (struct iovec) { *f, strlen(*f) };
        }

        return sd_journal_sendv(iov, n);
}

int journal_log(
                int level,
                int error,
                const char *message_id,
                const JournalSubject *subject,
                const char *format,
                ...) {
        PROTECT_ERRNO;
        _cleanup_strv_free_ char **fields = NULL;
        char message[2048];
        va_list ap;

        assert(format);

        if (level > log_get_max_level())
                return -abs(error);

        errno = abs(error);
        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);

        if (log_is_journal() &&
            journal_fields(level, error, message_id, subject, message, &fields) >= 0 &&
            send_fields(fields) >= 0)
                return -abs(error);

        return log_internal(level, error, "%s", message);
}
