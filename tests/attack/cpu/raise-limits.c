/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: raises its own resource limits, and judgebox-init's
 * Barrier: no-capabilities
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/resource.h>

static bool raise_limit(const char *name, __rlimit_resource_t resource) {
        struct rlimit l;

        if (getrlimit(resource, &l) < 0 || l.rlim_max == RLIM_INFINITY)
                return false;
        l.rlim_max++;
        return tried(name, setrlimit(resource, &l));
}

ATTACK(raise_limits) {
        struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
        bool worked;

        worked = raise_limit("RLIMIT_NOFILE", RLIMIT_NOFILE);
        worked |= raise_limit("RLIMIT_FSIZE", RLIMIT_FSIZE);
        worked |= raise_limit("RLIMIT_STACK", RLIMIT_STACK);
        worked |= raise_limit("RLIMIT_CORE", RLIMIT_CORE);
        worked |= raise_limit("RLIMIT_AS", RLIMIT_AS);
        worked |= raise_limit("RLIMIT_NPROC", RLIMIT_NPROC);
        worked |= tried("prlimit of 1", prlimit(1, RLIMIT_NOFILE, &none, NULL));
        return outcome(worked);
}
