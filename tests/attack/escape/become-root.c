/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: becomes root of the box, or takes capabilities
 * Barrier: user-of-its-own, no-capabilities
 * Verdict: runtime-error */
#include "attack.h"
#include <grp.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

ATTACK(become_root) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { ~0U, ~0U, ~0U }, { ~0U, ~0U, ~0U } };
        gid_t root = 0;
        bool worked;

        worked = tried("setresuid", setresuid(0, 0, 0));
        worked |= tried("setresgid", setresgid(0, 0, 0));
        worked |= tried("setgroups", setgroups(1, &root));
        worked |= tried("capset", syscall(SYS_capset, &header, data));
        worked |= tried("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
        worked |= tried("securebits", prctl(PR_SET_SECUREBITS, 0));
        (void) setfsuid(0);
        worked |= setfsuid((uid_t) -1) == 0;
        return outcome(worked);
}
