/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: mounts file systems: a proc that shows all, control groups, a tmpfs over a system directory
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation */
#include "attack.h"
#include <sys/mount.h>

ATTACK(mount) {
        bool worked;

        worked = tried("tmpfs", mount("none", "/usr", "tmpfs", 0, NULL));
        worked |= tried("proc", mount("proc", "/box", "proc", 0, NULL));
        worked |= tried("cgroup2", mount("none", "/box", "cgroup2", 0, NULL));
        worked |= tried("sysfs", mount("none", "/box", "sysfs", 0, NULL));
        worked |= tried("bind", mount("/proc", "/box", NULL, MS_BIND, NULL));
        return outcome(worked);
}
