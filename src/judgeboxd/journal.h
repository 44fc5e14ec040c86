/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Log lines that say what they are about: in the journal with JUDGEBOX_ID=, JUDGEBOX_OWNER_UID= and
 * JUDGEBOX_RUN=, so that `journalctl JUDGEBOX_ID=5` is a box's history, and with a MESSAGE_ID= of
 * message-ids.h where the catalog has something to say. Elsewhere they are lines like any other. */

#include "log.h"

#define JOURNAL_NOBODY ((uid_t) -1)

typedef struct JournalSubject {
        uid_t owner;     /* JOURNAL_NOBODY: about no tenant in particular */
        const char *box; /* NULL: about none in particular */
        uint64_t run;    /* 0: likewise */
} JournalSubject;

/* message_id and subject may be NULL. Returns -abs(error), as log_error_errno() does. */
int journal_log(
                int level,
                int error,
                const char *message_id,
                const JournalSubject *subject,
                const char *format,
                ...) _printf_(5, 6);

/* The fields as FIELD=value; for journal_log() and its tests. */
int journal_fields(
                int level,
                int error,
                const char *message_id,
                const JournalSubject *subject,
                const char *message,
                char ***ret);
