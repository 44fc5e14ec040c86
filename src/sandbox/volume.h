/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tmpfs with a budget. Programs never see its root, only directories in it, which are mounted
 * elsewhere: /box, /tmp and /dev/shm are three directories of one volume and so share its budget. What
 * programs cannot see beside these is the trash (tree.h). */

#include "tree.h"

typedef struct VolumeDirectory {
        const char *name;
        uid_t uid;
        gid_t gid;
        mode_t mode;
        bool temporary; /* volume_clear() */
} VolumeDirectory;

typedef struct Volume {
        int fd; /* its root, -EBADF: there is none */
        const VolumeDirectory *directories;
        size_t n_directories;
        uint64_t bytes, inodes;
        uint64_t blocks_new, inodes_new; /* in use when it was new */
        uint64_t trash_serial;  /* of what comes there next */
        uint64_t trash_emptied; /* what that was when the trash was last seen empty */
} Volume;

/* What a volume can be made with: at least a byte (tmpfs takes whole pages), because to tmpfs 0 is no
 * limit. */
#define VOLUME_BYTES_MAX (UINT64_C(1) << 50)
#define VOLUME_INODES_MAX (UINT64_C(1) << 32)

/* Makes the file system and its directories; to be attached by the caller. bytes, inodes and directories
 * are set. -ERANGE if the former are not within what is allowed. */
int volume_make(Volume *v);
void volume_done(Volume *v);

/* Remembers what is in use as that of an empty volume: to be called when all that comes with it is there. */
int volume_mark_new(Volume *v);

/* Beyond what was there when it was new. */
int volume_get_usage(const Volume *v, uint64_t *ret_bytes, uint64_t *ret_inodes);

/* Takes away all that was not there when it was new. Returns 1 if that was done, and 0 if it is better or
 * the only way to replace the volume: it holds too much, or what cannot be undone. Nothing is guaranteed
 * of its content then. No program may be running. */
int volume_wipe(Volume *v);

/* Takes away what is in the temporary directories. No program may be running, and nothing be mounted there. */
int volume_clear(Volume *v);

/* Takes one entry of a directory of the volume and all below it away, while programs may be running. What was below it
 * is in the trash then: ret is for tree_collect(), and the caller's. */
int volume_remove(Volume *v, int dir_fd, const char *name, TreeRemoval *ret);
