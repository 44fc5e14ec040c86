/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The process that boxes are cloned from (cradle.h in sandbox/ says why there is one), as judgeboxd has it. Those who
 * want a box wait in line: it makes one at a time, and the next box's network in between. */

#include <systemd/sd-event.h>

#include "cradle-packet.h"

typedef struct BoxCradle BoxCradle;
typedef struct CradleWish CradleWish;

/* The pidfd is the callee's. */
typedef void (*cradle_cloned_t)(const CradleReply *p, void *userdata);
typedef void (*cradle_gone_t)(BoxCradle *c, void *userdata);

/* Starts it. To be called before there is a descriptor that could not be closed at once. init_fd, judgebox-init, stays
 * the caller's. */
int box_cradle_new(sd_event *event, int init_fd, BoxCradle **ret);
/* Ends it, and waits for that. */
BoxCradle *box_cradle_free(BoxCradle *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(BoxCradle *, box_cradle_free);

/* It has ended by itself, and everybody in line was told: no box can be made any more. */
void box_cradle_set_gone_handler(BoxCradle *c, cradle_gone_t callback, void *userdata);

/* Calls back once, never before this has returned, unless it is forgotten first. The descriptors stay the caller's and
 * must be there until then. */
int box_cradle_ask(BoxCradle *c, const CradleRequest *q, cradle_cloned_t callback, void *userdata, CradleWish **ret);

/* Nobody waits any more; what may still come of it is ended. Neither are the descriptors needed any more. */
void cradle_wish_forget(CradleWish *w);
