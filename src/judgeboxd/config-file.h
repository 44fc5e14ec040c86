/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which configuration files there are, and their lines, by systemd's rules (systemd.syntax(7), and what
 * `systemd-analyze cat-config judgebox/judgebox.conf` shows). Knows no setting. */

#include <stdio.h>

#include "macro.h"

/* The files that apply to NAME (such as "judgebox/judgebox.conf"), in the order in which they do, without
 * `root`: the first NAME found in /etc, /run, /usr/local/lib, /usr/lib, then the drop-ins NAME.d/X.conf of
 * all of them sorted by X, of which a directory's hides those of the directories after it. ret_failed:
 * directories that are there and could not be read. */
int config_files_find(const char *root, const char *name, char ***ret, char ***ret_failed);

/* Line numbers begin with 1. A negative return value ends the reading, and is what it returns. */
typedef struct ConfigFileHandler {
        /* "[NAME]": what follows belongs to it. NULL: the bracket is not closed. */
        int (*section)(const char *name, unsigned line, void *userdata);
        int (*assignment)(const char *name, const char *value, unsigned line, void *userdata);
        /* A line that is neither, nor a comment, nor empty. */
        int (*malformed)(const char *reason, unsigned line, void *userdata);
} ConfigFileHandler;

int config_file_read(FILE *f, const ConfigFileHandler *handler, void *userdata);
