/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "utf8.h"

static int max_level = LOG_INFO;
static const char *program_name = NULL;
static bool to_journal = false;

static const char *const level_table[] = {
        [LOG_EMERG] = "emerg",   [LOG_ALERT] = "alert",   [LOG_CRIT] = "crit", [LOG_ERR] = "err",
        [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice", [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

void log_set_max_level(int level) {
        assert(level >= LOG_EMERG && level <= LOG_DEBUG);
        max_level = level;
}

int log_get_max_level(void) {
        return max_level;
}

const char *log_level_to_string(int level) {
        assert(level >= LOG_EMERG && level <= LOG_DEBUG);
        return level_table[level];
}

int log_set_max_level_from_string(const char *s) {
        uint64_t n;

        assert(s);

        for (size_t i = 0; i < ELEMENTSOF(level_table); i++)
                if (streq(s, level_table[i])) {
                        log_set_max_level((int) i);
                        return 0;
                }

        if (parse_uint64(s, &n) < 0 || n > LOG_DEBUG)
                return -EINVAL;

        log_set_max_level((int) n);
        return 0;
}

/* systemd sets $JOURNAL_STREAM to "DEVICE:INODE" of the stream it connected (systemd.exec(5)). */
static bool stderr_is_journal(void) {
        unsigned long long dev, ino;
        struct stat st;
        const char *e;

        e = getenv("JOURNAL_STREAM");
        if (!e || sscanf(e, "%llu:%llu", &dev, &ino) != 2)
                return false;

        return fstat(STDERR_FILENO, &st) >= 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_setup(const char *program) {
        const char *e;

        program_name = program;
        to_journal = stderr_is_journal();

        e = getenv("JUDGEBOX_LOG_LEVEL");
        if (e && log_set_max_level_from_string(e) < 0)
                log_warning("Ignoring unknown log level in $JUDGEBOX_LOG_LEVEL: %s", e);
}

bool log_is_journal(void) {
        return to_journal;
}

/* A name in it may be anybody's choice: it is neither to drive a terminal nor to begin a line of its own in a journal.
 * U+0080 to U+009F are control characters, too. */
static void mask_controls(char *s) {
        utf8_mask(s);

        for (unsigned char *p = (unsigned char *) s; *p; p++)
                if (*p < 0x20 || *p == 0x7f)
                        *p = '?';
                else if (*p == 0xc2 && p[1] < 0xa0) {
                        p[0] = p[1] = '?';
                        p++;
                }
}

int log_internal(int level, int error, const char *format, ...) {
        PROTECT_ERRNO;
        char prefix[8] = "", line[2048];
        struct iovec iov[5];
        va_list ap;
        int n = 0;

        errno = abs(error);
        va_start(ap, format);
        (void) vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
        mask_controls(line);

        if (to_journal) {
                (void) snprintf(prefix, sizeof(prefix), "<%i>", level);
                iov[n++] = (struct iovec) { prefix, strlen(prefix) };
        } else if (program_name) {
                iov[n++] = (struct iovec) { (char *) program_name, strlen(program_name) };
                iov[n++] = (struct iovec) { (char *) ": ", 2 };
        }

        iov[n++] = (struct iovec) { line, strlen(line) };
        iov[n++] = (struct iovec) { (char *) "\n", 1 };

        /* Where standard error is gone there is nobody left to tell. */
        if (writev(STDERR_FILENO, iov, n) < 0)
                return -abs(error);

        return -abs(error);
}
