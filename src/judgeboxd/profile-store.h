/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The seccomp profiles that are installed: NAME.json in /etc/judgebox/profiles, or else in the vendor's directory.
 * Each is read and compiled once, and again when its file has changed. A file that is wrong, or that others than root
 * could have written, is an error of this profile alone; in no case does a file in one directory stand in for a bad
 * one in another. */

#include "failure.h"
#include "profile.h"

typedef struct ProfileStore ProfileStore;

/* One as it is now. Valid until the store is asked again. */
typedef struct StoredProfile {
        char *name;
        char *path;
        char *error;      /* what is wrong with it, with place and word; then there is no profile */
        Profile *profile;
        size_t n;         /* instructions of its filter */
} StoredProfile;

/* directories: those to look in, the first one first; NULL: where they are installed. */
int profile_store_new(char *const *directories, ProfileStore **ret);
ProfileStore *profile_store_free(ProfileStore *s);
DEFINE_TRIVIAL_CLEANUP_FUNC(ProfileStore *, profile_store_free);

/* Forgets what was read, reads all there are, and says in the log which of them are wrong. */
int profile_store_reload(ProfileStore *s);

/* As it is, also where it is broken. -ENOENT: there is none. */
int profile_store_find(ProfileStore *s, const char *name, const StoredProfile **ret);

/* 0, or a Failure that names the field if there is no such profile, or it is wrong. */
int profile_store_get(ProfileStore *s, const char *name, const char *field, const StoredProfile **ret, Failure *f);

/* A descriptor of the filter for RunSpec, the caller's: -EBADF for a profile that changes nothing. */
int profile_store_open_filter(
                ProfileStore *s,
                const char *name,
                const char *field,
                bool trace,
                int *ret_fd,
                Failure *f);

/* The names of all, sorted. */
int profile_store_list(ProfileStore *s, char ***ret);
