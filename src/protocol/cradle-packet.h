/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What judgeboxd and the cradle (cradle.h) say to each other, one SOCK_SEQPACKET packet each: a box is asked for, and
 * what became of it is the answer. One is asked for at a time. */

#include "spec.h"

/* The descriptors that judgebox-init is started with, beside 0 to 2: the socket; an O_PATH one of judgebox-init; the
 * network namespace of the host. */
#define CRADLE_SOCKET_FD 3
#define CRADLE_EXEC_FD 4
#define CRADLE_NETWORK_FD 5

typedef struct CradleRequest {
        uid_t uid_base;
        bool share_network;
        int socket_fd; /* the box's end of its control socket */
        int cgroup_fd; /* what the launcher is cloned into; -EBADF: stay where the cradle is */
} CradleRequest;

/* A launcher that was cloned is judgeboxd's child, and to be waited for, also where something failed after that: then
 * there are both, a pidfd and an error. */
typedef struct CradleReply {
        pid_t pid;
        int pidfd; /* -EBADF: there is no launcher */
        Step step; /* of what failed */
        int error; /* positive; 0: nothing */
} CradleReply;

/* Both block. The descriptors stay the caller's. */
int cradle_send_request(int socket_fd, const CradleRequest *q);
int cradle_send_reply(int socket_fd, const CradleReply *p);

/* The descriptors received are the caller's, close-on-exec. -ECONNRESET at the end of the stream, -EBADMSG for what
 * nobody sends. */
int cradle_receive_request(int socket_fd, CradleRequest *ret);
int cradle_receive_reply(int socket_fd, CradleReply *ret);
