/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "beneath.h"

int open_beneath(int dir_fd, const char *path, int flags, bool one_mount) {
        struct open_how how = {
                .flags = (uint64_t) (flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY)),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                           (one_mount ? RESOLVE_NO_XDEV : 0),
        };

        assert(dir_fd >= 0);
        assert(path);

        return RET_NERRNO((int) syscall(SYS_openat2, dir_fd, path[0] ? path : ".", &how, sizeof(how)));
}
