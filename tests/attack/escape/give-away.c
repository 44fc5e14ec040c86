/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: gives a file to another user, or makes it set-user-ID root
 * Barrier: no-capabilities
 * Verdict: runtime-error */
#include "attack.h"

ATTACK(give_away) {
        bool worked;
        int fd;

        fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
        if (fd < 0)
                return broken("open");
        worked = tried("chown root", fchown(fd, 0, 0));
        worked |= tried("chown nobody", fchown(fd, 65534, 65534));
        worked |= tried("chown judgebox-init's directory", chown("/tmp", 1000, 1000));
        return outcome(worked);
}
