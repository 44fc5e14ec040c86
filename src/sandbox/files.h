/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of a box, handled from outside while programs may be at them. Paths are a tenant's
 * (layout_find()), and what they lead through is a program's: no symbolic link is ever followed (-ELOOP),
 * nothing is waited for, and what is made belongs to the program and needs the program's rights. Errors
 * beside those of the system calls: -EINVAL for what is no path, -EACCES for one outside of /box, /tmp,
 * /dev/shm, the box's tmpfs and its binds, -EROFS for a change in a bind, whether programs may write
 * there or not. */

#include "bind-removal.h"
#include "message.h"
#include "root.h"
#include "tree.h"

/* A regular file: for reading, or with FILE_CREATE a new one for writing. What had that name before is
 * replaced, not overwritten: it may be a link, a FIFO, or a file that has other names, and whoever has it
 * open keeps it. -EISDIR for a directory, -ENXIO for what is neither file nor directory nor link, -EAGAIN
 * for a file with a lease (fcntl(2)) on it. */
int files_open(const Root *r, const char *path, FileFlags flags, int *ret_fd, uint64_t *ret_size);

/* A directory and those above it. One that is there already is fine. */
int files_mkdir(const Root *r, const char *path);

/* 0: it is gone. 1: so it is, but what was below it is to be collected with tree_collect(); ret is the caller's then. In a
 * bind it is ret_bind instead, which bind_removal_step() goes on with, and the directory is gone when that is done.
 * With FILE_RECURSIVE also directories that are not empty (-ENOTEMPTY else), of any depth. -EBUSY for a
 * place itself, for what has something mounted in it, and where a program makes new files faster than
 * they can be removed. */
int files_remove(Root *r, const char *path, FileFlags flags, TreeRemoval *ret, BindRemoval **ret_bind);

/* The entries of a directory, with FILE_RECURSIVE of those below it too (what is mounted there left out),
 * in no particular order: for each a MessageEntry and the name, relative to the directory, with its NUL.
 * -E2BIG for more than LIST_ENTRIES_MAX or MESSAGE_TAIL_MAX, -ENAMETOOLONG for more than LIST_DEPTH_MAX
 * levels. */
#define LIST_DEPTH_MAX 128U
typedef struct FileList FileList;

int file_list_new(const Root *r, const char *path, FileFlags flags, FileList **ret);
FileList *file_list_free(FileList *l);
DEFINE_TRIVIAL_CLEANUP_FUNC(FileList *, file_list_free);

/* Goes on for a moment: 1 if there is more to do, 0 if the list is complete. */
int file_list_step(FileList *l);

/* What there is so far; the list's own. */
const char *file_list_get(const FileList *l, size_t *ret_size);
