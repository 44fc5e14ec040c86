/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `judgectl group` reads: the parameters of RunGroup (org.judgebox.Manager), but with the names of files of ours
 * where the service wants descriptors, and with limits as the options of run and recipes have them. Relative names
 * begin at the file's own directory. */

#include "request.h"

/* Where something that comes with the reply is to go. */
typedef struct GroupOutput {
        size_t member;
        const char *field; /* stdoutFileDescriptor, stderrFileDescriptor; NULL: the out file with that index */
        size_t index;
        char *path;
} GroupOutput;

typedef struct GroupFile {
        int dir_fd;
        GroupOutput *outputs;
        size_t n_outputs;
} GroupFile;

#define GROUP_FILE_NULL (GroupFile) { .dir_fd = -EBADF }

void group_file_done(GroupFile *g);

/* Opens what is to be read or written, and fills in a new request. Logs. */
int group_file_load(const char *path, Request *q, GroupFile *ret);

/* Writes what came. Logs what could not be written, and goes on. */
int group_file_fetch(const GroupFile *g, VarlinkReply *reply);
