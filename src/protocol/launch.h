/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How judgebox-init comes up, before the messages of message.h: two packets on the same socket.
 *
 *   judgeboxd -> the launcher: "go", with supervisor/ of the box's cgroup. Sent when the launcher is in that cgroup.
 *
 *   PID 1 of the box -> judgeboxd: "started", with a pidfd of its own, before anything else that it says. The
 *   launcher has cloned it as a child of judgeboxd's (CLONE_PARENT) and exits, with "failed" if it could not.
 *
 * judgeboxd may send messages of message.h right after "go": they wait for PID 1. */

#include "spec.h"

int launch_send_go(int socket_fd, int supervisor_fd);

/* The descriptor is the caller's, close-on-exec. */
int launch_receive_go(int socket_fd, int *ret_supervisor_fd);

int launch_send_started(int socket_fd, int pidfd);
int launch_send_failed(int socket_fd, Step step, int error);

/* 1: started, with a pidfd that is the caller's; 0: failed, with step and positive errno; -EAGAIN, -ECONNRESET at
 * the end of the stream, -EBADMSG for anything else. */
int launch_receive(int socket_fd, int *ret_pidfd, Step *ret_step, int *ret_error);
