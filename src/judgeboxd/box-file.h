/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a later daemon has to know of a box and nobody else remembers, in a file: <uid>-<id>.json. Written once, when the
 * box is ready, never for a run. */

#include <json-c/json.h>

#include "box.h"

typedef struct BoxFile {
        unsigned protocol; /* of its judgebox-init */
        char *id;
        uid_t owner;
        uid_t uid_base;
        uint32_t directory_project; /* 0: none */
        bool one_shot;
        bool until_disconnect;
        usec_t created_usec;
        BoxSettings settings; /* without binds and tmpfs, which are mounted */
} BoxFile;

#define BOX_FILE_NULL (BoxFile) { .settings = { .image_fd = -EBADF } }

void box_file_done(BoxFile *f);

/* "<uid>-<id>.json"; NULL: out of memory. */
char *box_file_name(const char *box_name);

/* To a temporary file that then takes the name. */
int box_file_write(int dir_fd, const Box *b);

/* -ENOENT, or -EBADMSG for what box_file_write() did not write. A file of another version may lack what this one needs:
 * only `protocol`, `owner` and `id` are set then, and -EPROTONOSUPPORT is returned. */
int box_file_read(int dir_fd, const char *box_name, BoxFile *ret);
