/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: loads a module, and another kernel
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation */
#include "attack.h"

ATTACK(modules) {
        bool worked;

        worked = tried("init_module", syscall(SYS_init_module, "", 0, ""));
        worked |= tried("finit_module", syscall(SYS_finit_module, 0, "", 0));
        worked |= tried("delete_module", syscall(SYS_delete_module, "ext4", O_NONBLOCK));
        worked |= tried("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
        worked |= tried("kexec_file_load", syscall(SYS_kexec_file_load, 0, 0, 0, NULL, 0));
        return outcome(worked);
}
