/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock-abi.h"

int landlock_get_abi(void) {
        static int abi = -1;

        if (abi < 0) {
                long r;

                r = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
                abi = r < 0 ? 0 : (int) r;
        }

        return abi;
}
