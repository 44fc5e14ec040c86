/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recorder.h"
#include "spec.h"
#include "worker.h"

/* One output stream of a run, and where it goes.
 *
 * A regular file of the caller's is given to the program as it is, if RLIMIT_FSIZE can hold the limit there: set
 * one byte above it (run.c), so that a file longer than the limit tells that the program wanted more. All
 * else goes through a pipe of ours, so that we can count and stop: moved on by splice() where the kernel can,
 * never blocking on a slow reader, who holds up his own program only. Where even a write to a file may block, somebody
 * else writes (slow-write.h). */

typedef enum OutputState {
        OUTPUT_NONE,   /* /dev/null, or joined to the other stream: nothing known */
        OUTPUT_DIRECT, /* the program writes to the file itself */
        OUTPUT_PUMP,   /* through our pipe */
        OUTPUT_CLOSED, /* was a pump; its reader is gone, or it is done */
        _OUTPUT_STATE_MAX,
        _OUTPUT_STATE_INVALID = -EINVAL,
} OutputState;

typedef struct Output {
        OutputState state;
        bool captured;      /* target_fd is a memfd to hand out */
        bool copy;          /* the target cannot be spliced to */
        bool blocked;       /* the target is full: wait for it, not for the pipe */
        bool exceeded;
        uint64_t bytes, limit;
        int pipe_fd;
        int target_fd;
        Worker writer; /* between us and a file whose server may not answer */
        Recorder recorder; /* of what goes through the pipe; its left is 0 where nothing is recorded */
        char *buffer; /* with copy: read from the pipe, not yet written */
        size_t buffer_start, buffer_end;
} Output;

#define OUTPUT_NULL (Output) { .pipe_fd = -EBADF, .target_fd = -EBADF, .writer = WORKER_NULL, .recorder = RECORDER_NULL }

/* Prepares a stream. target_fd is taken over. ret_child_fd is the caller's, to be closed after the spawn. */
int output_open(Output *o, int target_fd, bool captured, uint64_t limit, uint64_t file_limit, int *ret_child_fd);
void output_done(Output *o);

/* Before anything is written: what goes to a target that can be spliced to is recorded too, up to so many bytes. -EINVAL
 * for another target. */
int output_record(Output *o, uint64_t max_bytes);

/* Closes all but what is to be handed out. */
void output_release(Output *o);

/* A memfd with what was captured or recorded, or -EBADF; not to be closed. */
int output_get_memfd(const Output *o);

/* What to wait for: fills in fd and events; false if there is nothing. */
bool output_get_poll(const Output *o, int *ret_fd, short *ret_events);

/* Moves what is there. Afterwards exceeded tells whether more than the limit was written. */
void output_pump(Output *o);

/* Something written by the program has not reached its target. */
bool output_is_pending(const Output *o);

/* After the end of the run: how many bytes were written, RESULT_UNKNOWN where nobody counted. */
uint64_t output_finish(Output *o);
