/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may do what. The answer may come later (polkit asks a person): nothing is changed before it is there.
 *
 * `local` is for hosts with no polkit, and for a daemon started by judgectl --private: root, and whoever the
 * daemon itself runs as, may do everything; nobody else anything. */

#include "spec.h"

/* Who asks, as the kernel says. */
typedef struct Caller {
        uid_t uid;
        gid_t gid;
        pid_t pid;
        int pidfd;            /* -EBADF: not known; the transport's */
        const char *bus_name; /* NULL: did not come by D-Bus; the transport's */
        bool interactive;     /* polkit may ask a person */
} Caller;

typedef enum AuthorityAction {
        AUTHORITY_RUN = 1 << 0,
        AUTHORITY_MANAGE_BOX = 1 << 1,
        AUTHORITY_INSPECT = 1 << 2,
        AUTHORITY_EXCEED_LIMITS = 1 << 3,
        AUTHORITY_SHARE_NETWORK = 1 << 4,
        AUTHORITY_BIND = 1 << 5,
        AUTHORITY_MANAGE_OTHERS = 1 << 6,
        AUTHORITY_ADMIN = 1 << 7,
        _AUTHORITY_ACTIONS_ALL = (1 << 8) - 1,
} AuthorityAction;

/* polkit's name of one action: "org.judgebox1.run". */
const char *authority_action_to_string(AuthorityAction a);

/* What a rule may want to know of the request. */
typedef struct AuthorityDetails {
        const char *verb;
        const char *box; /* NULL: one that the service names */
        uid_t owner;
        const Limits *limits; /* NULL: none asked for */
} AuthorityDetails;

/* denied: the actions that were refused, 0 if all are granted; r: 0, or a negative errno if nobody could be
 * asked, which is a refusal too. Runs exactly once, possibly before authority_check() returns. */
typedef void (*authority_callback_t)(AuthorityAction denied, int r, void *userdata);

typedef struct Authority Authority;

typedef struct AuthorityVTable {
        const char *name;
        void (*check)(
                        Authority *a,
                        const Caller *caller,
                        AuthorityAction actions,
                        const AuthorityDetails *details,
                        authority_callback_t callback,
                        void *userdata);
        Authority *(*free)(Authority *a);
} AuthorityVTable;

struct Authority {
        const AuthorityVTable *vtable;
};

int authority_new_local(Authority **ret);
Authority *authority_free(Authority *a);
DEFINE_TRIVIAL_CLEANUP_FUNC(Authority *, authority_free);

void authority_check(
                Authority *a,
                const Caller *caller,
                AuthorityAction actions,
                const AuthorityDetails *details,
                authority_callback_t callback,
                void *userdata);
