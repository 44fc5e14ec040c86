/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands in a box beside the part that is the same for all of them: the storage at /box, /tmp and
 * /dev/shm, further tmpfs, and what a tenant has bound. Also the answer to which of these a path belongs
 * to, and so whether files may be written there. */

#include "spec.h"
#include "volume.h"

typedef struct Place {
        char *path;     /* absolute, in normal form */
        int fd;         /* O_PATH, the root of the mount; of a bind not yet attached: of its tree */
        int volume;     /* which, or -1: a bind */
        const VolumeDirectory *directory; /* of the volume, mounted here */
        bool holds_volume; /* the volume itself is attached here too, below its directory */
        bool writable, noexec; /* the bind */
} Place;

#define LAYOUT_VOLUMES_MAX (1U + BOX_TMPFS_MAX)
#define LAYOUT_PLACES_MAX (3U + BOX_TMPFS_MAX + BOX_BINDS_MAX)

typedef struct Layout {
        Volume volumes[LAYOUT_VOLUMES_MAX]; /* the first is the storage */
        size_t n_volumes;
        Place places[LAYOUT_PLACES_MAX]; /* what lies above comes first */
        size_t n_places;
} Layout;

/* From the settings, mounting nothing. Copies what it keeps; the sources of binds must be detached trees
 * (see root.h). -EINVAL for a path that is not one, -EBUSY for one that belongs to the box itself. */
int layout_init(Layout *l, const BoxSettings *s, Step *ret_step);
void layout_done(Layout *l);

/* Mounts all of it, volumes new and empty, below root_fd; mount points are made where they are missing,
 * as far as what is there is ours: -ENOENT in somebody else's directory. */
int layout_attach(Layout *l, int root_fd, Step *ret_step);

/* The reverse. Volumes are gone with it, binds wait to be attached again. No program may be running. */
int layout_detach(Layout *l);

/* Takes away what programs have put into /tmp and /dev/shm. What a tenant has mounted there is mounted anew, a tmpfs
 * empty: then the result is 1, and not 0. No program may be running. */
int layout_clear(Layout *l, int root_fd);

/* Of paths in normal form: what follows if path is prefix or below it, NULL else. */
const char *path_startswith(const char *path, const char *prefix);

static inline bool place_is_bind(const Place *p) {
        return p->volume < 0;
}

/* Files of a tenant's own are not ours to change but by the program's rights, and where the tenant said so. */
static inline bool place_is_writable(const Place *p) {
        return !place_is_bind(p) || p->writable;
}

bool layout_has_writable_bind(const Layout *l);

/* Which place a path of the box belongs to. Relative paths are below /box. ret_rest is what is left below
 * the place ("" for the place itself), and part of the result. -EINVAL for what is no path, -EACCES for a
 * place that is none of these. */
int layout_find(const Layout *l, const char *path, const Place **ret_place, char **ret_rest);
