/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What runs in the forked child between clone3() and judgebox-init: async-signal-safe throughout, because it is
 * a copy of the daemon at some moment of its life, and the daemon's memory and descriptors must not reach the
 * box. */

#include "macro.h"

/* Starts the child in namespaces of its own, and in the cgroup where one is given. Returns its pid and pidfd; in
 * the child it does not return. socket_fd is the box's end; both descriptors are in the range of box-slots.h, and
 * must stay as they are until the child has answered or is gone. */
int box_child_clone(int exec_fd, int socket_fd, int cgroup_fd, bool share_network, pid_t *ret_pid, int *ret_pidfd);

/* Root of the box is uid_base, its user (1000) the next one. From outside, where the rights for it are. */
int box_child_write_maps(pid_t pid, uid_t uid_base);
