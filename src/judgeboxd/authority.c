/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "authority.h"

static const char *const authority_action_table[] = {
        "org.judgebox1.run",          "org.judgebox1.manage-box",    "org.judgebox1.inspect",
        "org.judgebox1.exceed-limits", "org.judgebox1.share-network", "org.judgebox1.bind",
        "org.judgebox1.manage-others", "org.judgebox1.admin",
};

_Static_assert((1 << ELEMENTSOF(authority_action_table)) - 1 == _AUTHORITY_ACTIONS_ALL, "one name for each action");

const char *authority_action_to_string(AuthorityAction a) {
        if (__builtin_popcount((unsigned) a) != 1 || (a & ~_AUTHORITY_ACTIONS_ALL))
                return NULL;

        return authority_action_table[__builtin_ctz((unsigned) a)];
}

Authority *authority_free(Authority *a) {
        return a ? a->vtable->free(a) : NULL;
}

void authority_check(
                Authority *a,
                const Caller *caller,
                AuthorityAction actions,
                const AuthorityDetails *details,
                authority_callback_t callback,
                void *userdata) {

        assert(a);
        assert(caller);
        assert(details);
        assert(callback);

        a->vtable->check(a, caller, actions, details, callback, userdata);
}

void authority_set_bus(Authority *a, sd_bus *bus) {
        assert(a);
        assert(bus);

        if (a->vtable->set_bus)
                a->vtable->set_bus(a, bus);
}

bool authority_is_own(const Caller *caller) {
        assert(caller);

        return caller->uid == 0 || caller->uid == getuid();
}

static void authority_local_check(
                Authority *a,
                const Caller *caller,
                AuthorityAction actions,
                const AuthorityDetails *details,
                authority_callback_t callback,
                void *userdata) {

        callback(authority_is_own(caller) ? 0 : actions, 0, userdata);
}

static Authority *authority_local_free(Authority *a) {
        return mfree(a);
}

static const AuthorityVTable authority_local_vtable = {
        .name = "local",
        .check = authority_local_check,
        .free = authority_local_free,
};

int authority_new_local(Authority **ret) {
        Authority *a;

        assert(ret);

        a = new(Authority, 1);
        if (!a)
                return -ENOMEM;

        *a = (Authority) { .vtable = &authority_local_vtable };
        *ret = a;
        return 0;
}
