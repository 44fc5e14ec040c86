/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon's end of a box's control socket: which request an answer belongs to, and how long to wait for it.
 *
 * A request is made in three steps, so that the message functions of message.h stay the only ones that know
 * what is sent:
 *
 *      r = box_channel_begin(c, deadline, callback, userdata, &serial);
 *      if (r >= 0)
 *              r = box_channel_sent(c, serial, message_send_…(box_channel_get_fd(c), serial, …));
 *
 * The socket never blocks the daemon: its buffer has room for every request that may be under way, and what
 * does not fit all the same is -EAGAIN for whoever wanted to send it. */

#include <systemd/sd-event.h>

#include "message.h"

#define CHANNEL_REQUESTS_MAX 128U

/* For an answer whose absence shows otherwise: no callback, nothing to wait for. A failure that is answered to
 * this serial ends the channel. */
#define CHANNEL_SERIAL_NONE 0U

/* That of the first request of a new channel, which may be sent before there is one. */
#define CHANNEL_SERIAL_FIRST CHANNEL_REQUESTS_MAX

typedef struct BoxChannel BoxChannel;

/* r: 0 with a REPLY or FINISHED, or the negative errno with which the channel ended (no message then). Runs
 * exactly once. */
typedef void (*channel_reply_t)(int r, Message *m, void *userdata);

/* The peer is gone (-ECONNRESET), late (-ETIMEDOUT), talks nonsense (-EBADMSG) or says itself what failed (step).
 * Nothing is received after this; requests under way are answered by box_channel_cancel(). */
typedef void (*channel_failed_t)(BoxChannel *c, Step step, int r, void *userdata);

/* Takes the descriptor over. */
int box_channel_new(sd_event *event, int fd, channel_failed_t failed, void *userdata, BoxChannel **ret);

/* Every request must have been answered or canceled. */
BoxChannel *box_channel_free(BoxChannel *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(BoxChannel *, box_channel_free);

/* For a socket that an earlier judgeboxd had: what is in it answers that one's requests, and is dropped until the answer
 * to the request that is begun next. */
int box_channel_resume(BoxChannel *c);

int box_channel_get_fd(BoxChannel *c);

/* -EBUSY when CHANNEL_REQUESTS_MAX are under way. The deadline is of CLOCK_MONOTONIC. */
int box_channel_begin(BoxChannel *c, usec_t deadline, channel_reply_t callback, void *userdata, uint32_t *ret_serial);
/* Hands on r, and forgets the request if it is negative. */
int box_channel_sent(BoxChannel *c, uint32_t serial, int r);

size_t box_channel_get_n_requests(BoxChannel *c);

/* Fails if a deadline has passed. Returns the next one, USEC_INFINITY if there is none. */
usec_t box_channel_check_deadlines(BoxChannel *c, usec_t now);

/* Stops listening and answers what is under way with r. */
void box_channel_cancel(BoxChannel *c, int r);
