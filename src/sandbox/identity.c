/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/fsuid.h>

#include "identity.h"
#include "spec.h"

int identity_become_program(Identity *ret) {
        assert(ret);

        *ret = (Identity) { .changed = true };

        (void) setfsgid(BOX_GID);
        (void) setfsuid(BOX_UID);

        /* These two do not fail, they just do nothing. */
        return setfsuid((uid_t) -1) == (int) BOX_UID && setfsgid((gid_t) -1) == (int) BOX_GID ? 0 : -EPERM;
}

void identity_done(Identity *i) {
        assert(i);

        if (!i->changed)
                return;

        (void) setfsuid(0);
        (void) setfsgid(0);
}
