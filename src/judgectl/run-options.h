/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `judgectl run` was told, and the request that it makes. */

#include "box-options.h"
#include "context.h"

typedef struct RunOptions {
        BoxOptions box_options;
        char *box;
        char **arguments;   /* the program and its arguments; points into argv */
        char **environment; /* --env=, as given: NAME or NAME=VALUE */
        bool full_environment;
        const char *stream_paths[3]; /* -i -o -e; NULL: judgectl's own */
        bool stderr_to_stdout;
        bool tty;
        const char *working_directory;
        const char *exec_file;
        const char *meta_path;
        TransferOption *in, *out;
        size_t n_in, n_out;
        bool quiet;
        bool trace;
        int priority;
} RunOptions;

void run_options_done(RunOptions *o);

/* 1: parsed; 0: --help was given and answered; negative: logged, naming the option. Opens nothing. */
int run_options_parse(RunOptions *o, Context *c, int argc, char *argv[]);

/* Everything of the request but the standard streams; opens the files it needs. Logs. */
int run_options_make_request(RunOptions *o, const Context *c, Request *q);

/* The program's environment: NULL where nothing was asked for and the service's default applies. Logs. */
int run_options_make_environment(const RunOptions *o, char *const *own, char ***ret);
