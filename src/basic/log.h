/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Logging for the programs. Libraries log at LOG_DEBUG only; the layer that gives up logs once.
 *
 * Lines go to standard error; each carries a "<N>" priority prefix when it is connected to the journal
 * (sd-daemon(3)), and is plain text otherwise. */

#include <stdarg.h>
#include <syslog.h>

#include "macro.h"

void log_set_max_level(int level);
int log_get_max_level(void);

/* Takes a level's name or number ("debug", "7"). Returns -EINVAL for anything else. */
int log_set_max_level_from_string(const char *s);

/* "emerg" to "debug". */
const char *log_level_to_string(int level);

/* Reads $JUDGEBOX_LOG_LEVEL and finds out whether standard error is the journal. Call it first in main(). */
void log_setup(const char *program);

/* Whether standard error is the journal, as log_setup() found it. */
bool log_is_journal(void);

/* Writes one line. %m refers to `error` (either sign). Returns -abs(error), so that a caller can return it. */
int log_internal(int level, int error, const char *format, ...) _printf_(3, 4);

#define log_full_errno(level, error, ...)                               \
        ({                                                              \
                int _level = (level), _error = (error);                 \
                _level <= log_get_max_level()                           \
                        ? log_internal(_level, _error, __VA_ARGS__)     \
                        : -abs(_error);                                 \
        })

#define log_error_errno(error, ...) log_full_errno(LOG_ERR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full_errno(LOG_WARNING, error, __VA_ARGS__)
#define log_debug_errno(error, ...) log_full_errno(LOG_DEBUG, error, __VA_ARGS__)

#define log_error(...) ((void) log_full_errno(LOG_ERR, 0, __VA_ARGS__))
#define log_warning(...) ((void) log_full_errno(LOG_WARNING, 0, __VA_ARGS__))
#define log_notice(...) ((void) log_full_errno(LOG_NOTICE, 0, __VA_ARGS__))
#define log_debug(...) ((void) log_full_errno(LOG_DEBUG, 0, __VA_ARGS__))

#define log_oom() log_error_errno(ENOMEM, "Out of memory.")
