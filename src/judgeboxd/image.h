/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Images: root trees that an admin has installed, by name, so that several versions of a toolchain stand side by side.
 *
 *   /etc/judgebox/images, <state>/images (/var/lib/judgebox), /usr/lib/judgebox/images:
 *   <name>/ a directory, or <name>.squashfs, <name>.erofs a file system
 *
 * What is found first counts. All of it must be root's, and nobody else's to write. A file is attached to a loop device of
 * its own for each box, which goes with the box's mount. */

#include "failure.h"

typedef struct Images Images;

int images_new(const char *state, Images **ret);
Images *images_free(Images *images);
DEFINE_TRIVIAL_CLEANUP_FUNC(Images *, images_free);

/* 1 to 64 of A-Z, a-z, 0-9, ., _, + and -, not beginning with a dot. */
bool image_name_is_valid(const char *name);

/* A detached, read-only tree: what root_setup() wants. idmap_fd: how its owners are mapped (idmap.h), or -EBADF. 0, a
 * negative errno, or a Failure of this field. */
int images_open(
                const Images *images,
                const char *name,
                int idmap_fd,
                const char *field,
                int *ret_mount_fd,
                Failure *f);
