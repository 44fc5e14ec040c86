/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What passes through a pipe, written down on its way: tee() doubles the pipe's buffers into a pipe of ours, splice()
 * moves those into a memfd. No byte comes through here, and what is in the pipe stays there for whoever it is meant
 * for. */

#include <stdint.h>
#include <sys/types.h>

typedef struct Recorder {
        int fd; /* the memfd, or -EBADF */
        int pipe_fds[2];
        uint64_t left; /* room for so many bytes more */
        size_t ahead;  /* bytes at the head of the pipe that are written down already */
} Recorder;

#define RECORDER_NULL (Recorder) { .fd = -EBADF, .pipe_fds = EBADF_PAIR }

/* max_bytes: what comes after is passed on all the same. */
int recorder_open(Recorder *r, uint64_t max_bytes);
void recorder_done(Recorder *r);

/* Ends the recording. What was recorded so far stays. */
void recorder_stop(Recorder *r);

/* Records what is in the pipe. How many bytes of it may be moved on now, at most `max`; 0 at the pipe's end, or -1
 * with errno EAGAIN when it is empty. */
ssize_t recorder_take(Recorder *r, int pipe_fd, size_t max);

/* So many of them were moved on. */
void recorder_pass(Recorder *r, size_t n);
