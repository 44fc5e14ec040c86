/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* PID 1 of the box: serves the control socket until it closes. Returns 0 then, or a negative errno for what a peer
 * that keeps to the protocol cannot cause; either way the caller exits, and the kernel ends the box with it. */
int supervisor_run(int socket_fd);
