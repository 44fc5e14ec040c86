/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What box.c, box-start.c (how it comes up), box-adopt.c (how it is taken over) and box-run.c (what its runs get) have
 * between them. */

#include "box.h"

/* Takes it away if it is stopping and nothing of it runs any more. */
void box_check_gone(Box *b);
void box_kill_processes(Box *b);
void box_kill_init(Box *b);

void box_call_waiters(Box *b, BoxWaiter **list, const Failure *failure);

/* Its judgebox-init is there (b->init_pidfd): listens to it. Takes the socket over. */
int box_watch_init(Box *b, int socket_fd);

/* It has its cgroup: hears of its end. */
void box_watch_cgroup(Box *b);

/* Has the next run's cgroup ready before it is asked for. */
void box_prepare_next(Box *b);
