/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Input on its way to a program whose standard input goes through the service: written as far as the pipe has room,
 * without waiting. */

#include <systemd/sd-event.h>

#include "macro.h"

typedef struct InputData InputData;

/* All is written; or closed: nobody reads it. */
typedef void (*input_done_t)(InputData *d, bool closed, void *userdata);

/* data is taken over if it succeeds. end: it is the last. */
int input_data_new(char *data, size_t size, bool end, InputData **ret);

/* Where it is still waiting, it waits no more. */
InputData *input_data_free(InputData *d);
DEFINE_TRIVIAL_CLEANUP_FUNC(InputData *, input_data_free);

/* fd: the pipe, which does not block; closed at the end. `done` may be called before this returns, and the fd may be
 * gone before that is. */
int input_data_send(InputData *d, sd_event *event, int *fd, input_done_t done, void *userdata);

bool input_data_is_waiting(const InputData *d);
