/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: makes namespaces of its own, by which it would have all capabilities in them
 * Barrier: no-user-namespaces
 * Verdict: runtime-error */
#include "attack.h"
#include <sched.h>

ATTACK(unshare) {
        bool worked;

        worked = tried("mount namespace", unshare(CLONE_NEWNS));
        worked |= tried("net namespace", unshare(CLONE_NEWNET));
        worked |= tried("pid namespace", unshare(CLONE_NEWPID));
        worked |= tried("user and mount namespace", unshare(CLONE_NEWUSER | CLONE_NEWNS));
        worked |= tried("user namespace", unshare(CLONE_NEWUSER));
        return outcome(worked);
}
