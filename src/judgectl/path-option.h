/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Options with paths and colons: --allow-path=, --bind=, --tmpfs=, --in= and --out=. A colon that belongs to a path is
 * written "\:". The parsers log what is wrong, naming the option. */

#include "macro.h"

typedef struct BindOption {
        char *host;
        char *inside; /* absolute */
        bool writable;
        bool noexec;
        bool optional;
} BindOption;

/* HOST[:INSIDE][:rw,noexec,optional] */
int bind_option_parse(const char *value, BindOption *ret);
void bind_option_done(BindOption *b);

typedef struct TmpfsOption {
        char *path;
        uint64_t bytes;
        bool bytes_set;
} TmpfsOption;

/* PATH[:SIZE] */
int tmpfs_option_parse(const char *value, TmpfsOption *ret);
void tmpfs_option_done(TmpfsOption *t);

typedef struct AllowPathOption {
        char *path;
        bool read, write, execute, optional;
} AllowPathOption;

/* PATH:read,write,execute,stat,optional */
int allow_path_option_parse(const char *value, AllowPathOption *ret);
void allow_path_option_done(AllowPathOption *a);

typedef struct TransferOption {
        char *source;
        char *destination;
} TransferOption;

/* SRC[:DST], DST being SRC's last component if not given. What is in the box must be a valid path there; `option`
 * is named where it is not. */
int transfer_option_parse(const char *option, const char *value, bool into_box, TransferOption *ret);
void transfer_option_done(TransferOption *t);
