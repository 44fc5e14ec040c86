/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A process of judgebox-init's own for what may keep whoever does it waiting: a file on FUSE or a network file system,
 * whose server need never answer (slow_close_is_marked()). judgebox-init goes on watching what runs, and kills it when
 * it gets nowhere. It is no child that wait4(-1) would find (exit_signal 0): that judgebox-init has no child still
 * means that no program is left. */

#include <sys/types.h>

#include "macro.h"

typedef struct Worker {
        pid_t pid;     /* 0: there is none */
        int result_fd; /* where it says an int */
} Worker;

#define WORKER_NULL (Worker) { .result_fd = -EBADF }

/* In the new process, which has a copy of our memory; its result is what is said. */
typedef int (*worker_main_t)(void *userdata);

/* Of our descriptors it keeps these, and those that would keep it waiting to close. -EAGAIN: there are as many as
 * there may be, or those given up do not go away. */
int worker_start(
                const char *name,
                const int *keep,
                size_t n_keep,
                worker_main_t function,
                void *userdata,
                Worker *ret);

/* Gives it up if it is not at its end. */
void worker_done(Worker *w);

/* Readable at its end. */
int worker_get_fd(const Worker *w);

/* 1: it is at work; 0: *ret is its result; -EIO: somebody has killed it. */
int worker_get_result(const Worker *w, int *ret);
