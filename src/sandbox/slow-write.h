/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Output that goes to a file whose server may not answer: what is written to a pipe a process of its own (worker.h)
 * writes to the file, until the pipe ends. */

#include "worker.h"

/* The target stays the caller's, who need not keep it. ret_pipe_fd is the caller's, and open nowhere else. */
int slow_write_start(int target_fd, int *ret_pipe_fd, Worker *ret);
