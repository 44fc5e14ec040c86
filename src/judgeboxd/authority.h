/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may do what. The answer may come later (polkit asks a person): nothing is changed before it is there.
 *
 * `local` is for a daemon started by judgectl --private: root, and whoever the daemon itself runs as, may do everything;
 * nobody else anything.
 *
 * `polkit` asks polkitd for each of the actions that a request needs, with its details. A D-Bus caller is named by its
 * bus name, a varlink caller by its pidfd, which polkitd knows from version 124 on and the kernel gives from Linux 6.5
 * on. Where either is older, a varlink caller is decided here alone: what the shipped rules grant to group judgebox is
 * granted to its members, and the rest is AUTHORITY_ASK_BUS. Those to whom `local` grants everything are never asked
 * about, so they are served also where there is no bus. */

#include <systemd/sd-bus.h>

#include "spec.h"

/* Who asks, as the kernel says. */
typedef struct Caller {
        uid_t uid;
        gid_t gid;
        pid_t pid;
        int pidfd;            /* -EBADF: not known; the transport's */
        const gid_t *groups;  /* supplementary; the transport's */
        size_t n_groups;
        const char *bus_name; /* NULL: did not come by D-Bus; the transport's */
        uint64_t connection;  /* of varlink: VarlinkPeer has it */
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
        uint64_t storage_bytes; /* with AUTHORITY_EXCEED_LIMITS; 0: none asked for */
} AuthorityDetails;

/* As r below: only polkit could grant it, and it cannot be asked about this caller; by D-Bus it can. */
#define AUTHORITY_ASK_BUS 1

/* denied: the actions that were refused, 0 if all are granted; r: 0, AUTHORITY_ASK_BUS, or a negative errno if nobody
 * could be asked (-ENOTCONN, -ETIMEDOUT: for now, for want of a bus or an answer), which are refusals too. Runs
 * exactly once, possibly before authority_check() returns. */
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
        /* NULL where no bus is used. */
        void (*set_bus)(Authority *a, sd_bus *bus);
        Authority *(*free)(Authority *a);
} AuthorityVTable;

struct Authority {
        const AuthorityVTable *vtable;
};

/* Whom nobody has to be asked about. */
bool authority_is_own(const Caller *caller);

int authority_new_local(Authority **ret);

/* group: of those who may have boxes where polkit cannot be asked about them; (gid_t) -1: nobody. */
int authority_new_polkit(gid_t group, Authority **ret);

/* The bus by which to ask: the first, or the next one after that was lost. */
void authority_set_bus(Authority *a, sd_bus *bus);

Authority *authority_free(Authority *a);
DEFINE_TRIVIAL_CLEANUP_FUNC(Authority *, authority_free);

void authority_check(
                Authority *a,
                const Caller *caller,
                AuthorityAction actions,
                const AuthorityDetails *details,
                authority_callback_t callback,
                void *userdata);
