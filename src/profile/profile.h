/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A seccomp profile: which system calls a program may make, and what becomes of the others.
 *
 * It is read from the format of OCI's runtime-spec ("linux.seccomp") and from the files that Docker and Podman
 * ship, and compiled into a classic BPF program for this machine's own architecture. Where several rules match a
 * call, those with conditions on its arguments go before those without, and among equals the sternest action holds,
 * whatever their order in the file. */

#include <linux/filter.h>

#include "macro.h"
#include "string-util.h"

typedef struct Profile Profile;

typedef enum ProfileFlags {
        /* What is allowed and takes a path (path-call.h) is caught by user notification too, as FILTER_NOTICE_TRACE. */
        PROFILE_TRACE = 1 << 0,
} ProfileFlags;

typedef struct ProfileProgram {
        struct sock_filter *filter;
        size_t n;
        bool notifies; /* can return SECCOMP_RET_USER_NOTIF, and wants a listener */
        bool allows_all; /* changes nothing, and need not be loaded */
} ProfileProgram;

#define PROFILE_PROGRAM_NULL (ProfileProgram) {}

/* What a program of ours is at most: less than BPF_MAXINSNS, which leaves room for a prologue. */
#define PROFILE_PROGRAM_MAX 4000U

/* A profile's text is at most so long. */
#define PROFILE_TEXT_MAX (UINT64_C(1) << 20)

/* Returns 0, -ENOMEM, or -EINVAL and then *ret_error is a sentence that names place and word. */
int profile_parse(const char *text, size_t size, Profile **ret, char **ret_error);

/* Returns 0, -ENOMEM, or -E2BIG if the program would be longer than PROFILE_PROGRAM_MAX. */
int profile_compile(const Profile *p, ProfileFlags flags, ProfileProgram *ret);
void profile_program_done(ProfileProgram *p);

Profile *profile_free(Profile *p);
DEFINE_TRIVIAL_CLEANUP_FUNC(Profile *, profile_free);

/* One line for people, or NULL. */
const char *profile_description(const Profile *p);

/* Only administrators may run programs under it. */
bool profile_is_admin_only(const Profile *p);

/* What becomes of some calls, for people. */
typedef struct ProfileGroup {
        const char *action; /* allow, log, errno, trap, report or kill */
        int error;          /* errno: which */
        bool conditional;   /* it depends on the call's arguments */
        char **syscalls;
} ProfileGroup;

void profile_group_done(ProfileGroup *g);

/* The rules, joined by what they do, sternest first. A call that depends on its arguments may be in several. */
int profile_get_groups(const Profile *p, ProfileGroup **ret, size_t *ret_n);

/* Calls that there is no rule for, and those of other architectures; without a list. */
ProfileGroup profile_get_default(const Profile *p);
ProfileGroup profile_get_foreign(const Profile *p);

/* What was read and has no effect here, a sentence each; NULL if there is nothing. */
char *const *profile_remarks(const Profile *p);
