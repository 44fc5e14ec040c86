/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a caller's descriptor is, found out without doing anything to what it refers to: it may belong to a file
 * system whose server is the caller, and which never answers. */

#include "authority.h"

/* Each returns 0, or -EINVAL with a word for people on what is wrong. */
int check_fd_input(int fd, const char **ret_message);
int check_fd_output(int fd, const char **ret_message);

/* The side of a pseudo terminal that programs use, open for both. */
int check_fd_terminal(int fd, const char **ret_message);

/* A regular file open for reading. */
int check_fd_file(int fd, const char **ret_message);

/* A directory or a regular file, open for reading unless the caller is root. Writable: that proves no right to write, so
 * the caller has to be root or to own what is bound. */
int check_fd_bind(int fd, const Caller *caller, bool writable, const char **ret_message);

/* A directory of the caller's own, likewise. */
int check_fd_directory(int fd, const Caller *caller, const char **ret_message);
