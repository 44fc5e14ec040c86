/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An image in the place of the host's /usr: every directory and link at the top of its tree, but for those that are
 * the box's own (/box, /dev, /etc, /proc, /tmp) and those that no program needs (/boot, /run, /sys).
 *
 * A writable one is seen through an overlay, whose upper side is a tmpfs of this box: what is written goes with a
 * reset. Its files must be the program's (judgeboxd maps their owner), because an overlay checks rights as any file
 * system does. */

#include "macro.h"

#define IMAGE_NAMES_MAX 64U

typedef struct Image {
        int tree_fd;  /* what judgeboxd sent; -EBADF: no image, or one that is not needed again */
        bool writable;
        uint64_t bytes, inodes; /* room for what is written */
        char **names; /* directories at the top of it */
} Image;

#define IMAGE_NULL (Image) { .tree_fd = -EBADF }

void image_done(Image *m);

static inline bool image_is_set(const Image *m) {
        return m->names;
}

/* Attaches the tree, which must be detached, and in root_fd what is in it. The tree stays in its place until image_hide(),
 * for whoever wants more of it. */
int image_attach(Image *m, int root_fd);
int image_hide(Image *m);

/* A writable one as it was at first. What was attached below it must be gone. */
int image_renew(Image *m, int root_fd);
