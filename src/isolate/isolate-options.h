/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of isolate(1), as its version 2.6 has it, and version 1's --cg-timing and --no-cg-timing. Where isolate
 * takes garbage for no limit at all ("-t abc"), it is refused here. */

#include "isolate-rules.h"
#include "time-util.h"

typedef enum IsolateCommand {
        ISOLATE_NONE,
        ISOLATE_INIT,
        ISOLATE_RUN,
        ISOLATE_CLEANUP,
        ISOLATE_CHECK_CONFIG,
        ISOLATE_PRINT_CG_ROOT,
        ISOLATE_VERSION,
} IsolateCommand;

/* Sizes are in KiB; of all numbers but --core, 0 is no limit. */
typedef struct IsolateOptions {
        IsolateCommand command;
        char **arguments; /* of --run */
        char *failure;    /* what is wrong where isolate fails without explaining its usage */

        unsigned box_id;
        bool cg, has_cg_mem;
        bool has_as_uid, has_as_gid;
        unsigned as_uid, as_gid;
        bool wait;
        unsigned silent, verbose;

        const char *meta;
        const char *stdio[3]; /* inside; NULL: ours */
        bool stderr_to_stdout;
        const char *working_directory;
        bool full_environment, inherit_fds, share_net, special_files, tty_hack;
        char **environment; /* "NAME" or "NAME=VALUE", in order */
        DirRules rules;
        bool default_rules;

        usec_t time_usec, extra_time_usec, wall_time_usec;
        unsigned cg_mem, mem, stack, fsize, core;
        unsigned processes, open_files;
        unsigned quota_blocks, quota_inodes; /* blocks are KiB */
} IsolateOptions;

/* 0: to be carried out; negative: what is wrong was said, and how it is right; or is to be said, in `failure`. */
int isolate_options_parse(IsolateOptions *o, int argc, char *argv[]);
void isolate_options_done(IsolateOptions *o);
