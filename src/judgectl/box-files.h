/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of a box, for put, get and ls. */

#include "connect.h"

/* Which box, over which connection. */
typedef struct BoxFiles {
        Connection *connection;
        const char *box;
        const uid_t *owner; /* NULL: the caller */
} BoxFiles;

/* Entries of a directory (type FileEntry), sorted by name; NULL path: the working directory. The same errors. */
int box_list_files(const BoxFiles *b, const char *path, json_object **ret);

/* Opens a regular file: for reading, or created anew for writing. ret_fd is the caller's.
 * -EISDIR is for the caller to handle, everything else is logged. */
int box_open_file(const BoxFiles *b, const char *path, bool create, bool executable, int *ret_fd);

/* The same in two halves: several files can be asked for before the first is there. They come in that order, each exactly
 * once, be it with an error. */
#define BOX_FILES_ASKED_MAX 32U
int box_ask_for_file(const BoxFiles *b, const char *path);
int box_ask_for_new_file(const BoxFiles *b, const char *path, bool executable);
int box_receive_file(const BoxFiles *b, int *ret_fd);

/* Makes a directory and those above it. */
int box_make_directory(const BoxFiles *b, const char *path);

/* The entry's name as the bytes it is. -EBADMSG where it is no single component of a path, or none at all. */
int file_entry_name(json_object *entry, char **ret);

/* Shows on a terminal how far a large copy is (copy_progress_t); -EINTR after a signal. */
typedef struct CopyProgress {
        const BoxFiles *files;
        const char *name; /* printable */
        bool shown;
} CopyProgress;

int copy_progress_show(uint64_t done, uint64_t total, void *userdata);
void copy_progress_done(CopyProgress *p);

/* directory/name, or name where directory is NULL; checked to be a path that a box can have. Logs. */
int box_path_join(const char *directory, const char *name, char **ret);

/* The host's or box's file names of `put` and `get`, and the directory where they go if the last one ends in a
 * slash and is not the only one. */
size_t split_destination(char *const *names, size_t n, const char **ret_directory);

/* The command line of put, get and rm: [-r] ID NAME..., the id checked. 1 to go on, 0 after --help, negative after
 * logging; optind is at the id. */
int box_files_parse_arguments(Context *c, int argc, char *argv[], const char *help, bool *ret_recursive);
