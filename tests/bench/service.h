/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sandbox as the benchmark sees it: one judgeboxd of its own, one connection, one standing box. */

#include "time-util.h"
#include "varlink.h"

#define SERVICE_BOX "bench"
#define SERVICE_RESET_BOX "reset" /* another one, which is reset after each run */
#define SERVICE_DATA "/box/data" /* where service_put() puts a file */
#define SERVICE_TINY "/box/tiny" /* where the tiny program is in the standing box */
#define SERVICE_CALLS "/box/calls" /* and the one that makes many system calls */

typedef struct Service {
        pid_t pid;
        VarlinkClient *client;
        int tiny_fd;
} Service;

#define SERVICE_NULL (Service) { .tiny_fd = -EBADF }

/* Starts judgeboxd from bin_dir, makes the standing box, and puts the two programs there. Says on standard error
 * what this machine cannot enforce. */
int service_start(Service *s, const char *bin_dir, const char *tiny, const char *calls, bool degrade);
void service_stop(Service *s);

/* The host's pid of the standing box's judgebox-init. */
int service_get_leader(Service *s, pid_t *ret);

/* A call that does nothing. */
int service_call_status(Service *s);

/* One run in this box, or with NULL in one of its own. With program NULL it is the tiny one, which comes with the request
 * unless the box is the standing one. With profile NULL it is the default one. -EPROTO if the verdict is another one than
 * wanted. */
int service_run(
                Service *s,
                const char *box,
                const char *program,
                const char *profile,
                bool share_network,
                const char *wanted_verdict);

/* The tiny program in the standing box, with a file of the caller's put there before, or handed out after it: one call. */
int service_put(Service *s, int fd);
int service_get(Service *s, int *ret_fd);

/* Resets SERVICE_RESET_BOX. */
int service_reset(Service *s);
