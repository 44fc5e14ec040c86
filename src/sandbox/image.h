/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An image in the place of the host's /usr: every directory and link at the top of its tree, but for those that are the
 * box's own (/box, /dev, /etc, /proc, /tmp) and those that no program needs (/boot, /run, /sys). */

#include "macro.h"

#define IMAGE_NAMES_MAX 64U

/* Attaches the tree, which must be detached, and in root_fd what is in it; names what that was. */
int image_attach(int root_fd, int image_fd, char ***ret_names);

/* Takes the whole tree out of the way again: what was attached of it stays. */
int image_hide(int root_fd, int image_fd);
