/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What all commands of judgebox-isolate share: the options, the way to the service, and the box. */

#include "connect.h"
#include "isolate-options.h"
#include "terminal.h"

/* isolate's exit statuses. */
enum {
        ISOLATE_EXIT_OK = 0,
        ISOLATE_EXIT_PROGRAM = 1,
        ISOLATE_EXIT_SANDBOX = 2,
};

typedef struct Isolate {
        IsolateOptions options;
        Context context;
        Connection *connection;
        int meta_fd;
        char id[11];     /* of the box */
        char *directory; /* of the box; NULL: there is no box */
        int directory_fd; /* likewise, locked */
        Terminal *terminal; /* of the program that runs (--tty-hack); or NULL */
} Isolate;

/* Says on standard error and in the meta file that the sandbox failed. Returns a negative errno, so that the caller can
 * return it. */
int isolate_fail(Isolate *i, const char *format, ...) _printf_(2, 3);

/* The same, where the service answered with an error. */
int isolate_fail_refused(Isolate *i, const VarlinkReply *reply);

/* If we are verbose. */
void isolate_tell(const Isolate *i, const char *format, ...) _printf_(2, 3);

/* Asks for the box, and locks it: it is ours until we end. 0 if there is none. Another user's boxes are none of ours. */
int isolate_box_find(Isolate *i);

/* Each returns an exit status, or a negative errno after isolate_fail(). */
int isolate_init(Isolate *i);
int isolate_cleanup(Isolate *i);
int isolate_check_config(Isolate *i);
int isolate_run(Isolate *i);

/* Opens one of the directories that are a program's own. Where an earlier program has shut it, to itself and to us, it is
 * opened for both. */
int program_directory_open(int dir_fd, const char *name);

/* Removes all below this directory that is neither a regular file nor a directory. */
int special_files_remove(int dir_fd, const char *name);
