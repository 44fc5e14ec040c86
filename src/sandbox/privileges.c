/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "privileges.h"

/* SETUID, SETGID: become BOX_UID in the child. KILL: end what cgroup.kill cannot. CHOWN, DAC_OVERRIDE, FOWNER: files
 * for the program, and wiping what it left. SYS_ADMIN: a fresh storage at a reset. SYS_PTRACE: see the
 * program's processes in a /proc that hides them, where memory is sampled. SETPCAP is not among them: nothing
 * given up comes back. */
static const cap_value_t kept[] = {
        CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_PTRACE,
};

int privileges_setup(Step *ret_step) {
        struct rlimit none = { 0, 0 }, files;

        *ret_step = STEP_CAPABILITIES;

        (void) umask(0022);

        if (setgroups(0, NULL) < 0)
                return -errno;

        if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;

        for (cap_value_t c = 0; c <= cap_max_bits() - 1; c++)
                if (prctl(PR_CAPBSET_DROP, c) < 0)
                        return -errno;

        /* And no way for uid 0 of the box to mean anything at an execve(). */
        if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                                             SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) < 0)
                return -errno;

        *ret_step = STEP_RLIMIT;

        /* A core of ours there is not anyway; what a program may dump is its run's to say. */
        if (setrlimit(RLIMIT_RTPRIO, &none) < 0)
                return -errno;

        /* Every run brings a dozen descriptors. */
        if (getrlimit(RLIMIT_NOFILE, &files) < 0)
                return -errno;
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
                return -errno;

        return 0;
}

int privileges_reduce(void) {
        cap_t caps;
        int r = 0;

        caps = cap_init();
        if (!caps)
                return -errno;

        if (cap_set_flag(caps, CAP_PERMITTED, ELEMENTSOF(kept), kept, CAP_SET) < 0 ||
            cap_set_flag(caps, CAP_EFFECTIVE, ELEMENTSOF(kept), kept, CAP_SET) < 0 ||
            cap_set_proc(caps) < 0)
                r = -errno;

        (void) cap_free(caps);
        return r;
}
