/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: keeps something in the kernel's keyrings, and reads what others keep there
 * Barrier: seccomp
 * Verdict: runtime-error
 * Without: --profile=none */
#include "attack.h"
#include <linux/keyctl.h>

ATTACK(keyrings) {
        char text[256];
        bool worked;

        worked = tried("add_key", syscall(SYS_add_key, "user", "attack", "x", 1, KEY_SPEC_USER_KEYRING));
        worked |= tried("read session", syscall(SYS_keyctl, KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, text, sizeof(text)));
        worked |= tried("join session", syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
        return outcome(worked);
}
