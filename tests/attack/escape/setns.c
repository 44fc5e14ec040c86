/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: enters the namespaces of judgebox-init, by its files in /proc and by its pidfd
 * Barrier: seccomp, user-of-its-own
 * Verdict: security-violation */
#include "attack.h"
#include <sched.h>

ATTACK(setns) {
        static const char *const kinds[] = { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup" };
        bool worked = false;
        int fd;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                char path[32];

                (void) snprintf(path, sizeof(path), "/proc/1/ns/%s", kinds[i]);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                worked |= tried(path, fd < 0 ? fd : setns(fd, 0));
        }

        fd = (int) syscall(SYS_pidfd_open, 1, 0);
        worked |= tried("pidfd", fd < 0 ? fd : setns(fd, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET));
        return outcome(worked);
}
