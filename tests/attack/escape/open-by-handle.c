/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: opens a file of the host's by its number, which no path stands in the way of
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation */
#include "attack.h"

ATTACK(open_by_handle) {
        struct {
                struct file_handle h;
                unsigned char bytes[128];
        } handle = { .h.handle_bytes = 128 };
        int id, fd;

        fd = open("/usr", O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return broken("open");
        (void) tried("name_to_handle_at", name_to_handle_at(AT_FDCWD, "/usr", &handle.h, &id, 0));

        /* Of ext4: inode 2 is the root. */
        handle.h.handle_bytes = 8;
        handle.h.handle_type = 1;
        memcpy(handle.h.f_handle, (uint32_t[]) { 2, 0 }, 8);
        return outcome(tried("open_by_handle_at", open_by_handle_at(fd, &handle.h, O_RDONLY)));
}
