/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/landlock.h>
#include <sys/syscall.h>

#include "fd-util.h"
#include "landlock-abi.h"
#include "landlock.h"

/* Newer than the oldest header that we build with; linux/landlock.h of Linux 6.12. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#  define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#  define LANDLOCK_ACCESS_FS_IOCTL_DEV (UINT64_C(1) << 15)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#  define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#  define LANDLOCK_SCOPE_SIGNAL (UINT64_C(1) << 1)
#endif

/* struct landlock_ruleset_attr of Linux 6.12. An older kernel takes the longer one if what it does not know is 0. */
typedef struct RulesetAttr {
        uint64_t handled_access_fs;
        uint64_t handled_access_net;
        uint64_t scoped;
} RulesetAttr;

/* Versions of the interface, which the kernel tells, and what came with them. */
#define ABI_TRUNCATE 3
#define ABI_IOCTL 5
#define ABI_SCOPE 6

#define ACCESS_READ LANDLOCK_ACCESS_FS_READ_FILE
#define ACCESS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
/* No devices: nobody in a box may make one anyway. */
#define ACCESS_CHANGE                                                                                   \
        (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
         LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |    \
         LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define ACCESS_HANDLED                                                                                  \
        (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_DIR | ACCESS_READ | ACCESS_WRITE |        \
         ACCESS_CHANGE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                 \
         LANDLOCK_ACCESS_FS_IOCTL_DEV)
/* What can be said of a file that is no directory. */
#define ACCESS_FILE (LANDLOCK_ACCESS_FS_EXECUTE | ACCESS_READ | ACCESS_WRITE)

bool landlock_is_supported(void) {
        return landlock_get_abi() >= LANDLOCK_ABI_REFER;
}

bool landlock_guards_truncation(void) {
        return landlock_get_abi() >= ABI_TRUNCATE;
}

static uint64_t handled(void) {
        int abi = landlock_get_abi();

        return ACCESS_HANDLED & ~(abi < ABI_TRUNCATE ? LANDLOCK_ACCESS_FS_TRUNCATE : UINT64_C(0)) &
               ~(abi < ABI_IOCTL ? LANDLOCK_ACCESS_FS_IOCTL_DEV : UINT64_C(0));
}

int landlock_new(int *ret_fd) {
        RulesetAttr attr = {};
        int fd;

        assert(ret_fd);

        if (!landlock_is_supported())
                return -EOPNOTSUPP;

        attr.handled_access_fs = handled();
        if (landlock_get_abi() >= ABI_SCOPE)
                attr.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;

        /* Close-on-exec, as the kernel has it. */
        fd = (int) syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
        if (fd < 0)
                return -errno;

        *ret_fd = fd;
        return 0;
}

int landlock_allow(int ruleset_fd, int fd, LandlockAccess access) {
        struct landlock_path_beneath_attr rule = { .parent_fd = fd };
        struct statx sx;
        int r;

        r = fd_statx_cached(fd, STATX_TYPE, &sx);
        if (r < 0)
                return r;

        rule.allowed_access = (FLAGS_SET(access, LANDLOCK_LIST) ? LANDLOCK_ACCESS_FS_READ_DIR : 0) |
                              (FLAGS_SET(access, LANDLOCK_READ) ? ACCESS_READ : 0) |
                              (FLAGS_SET(access, LANDLOCK_EXECUTE) ? LANDLOCK_ACCESS_FS_EXECUTE : 0) |
                              (FLAGS_SET(access, LANDLOCK_WRITE) ? ACCESS_WRITE : 0) |
                              (FLAGS_SET(access, LANDLOCK_CHANGE) ? ACCESS_CHANGE : 0);
        rule.allowed_access &= handled();
        if (!S_ISDIR(sx.stx_mode))
                rule.allowed_access &= ACCESS_FILE;
        if (rule.allowed_access == 0)
                return 0;

        if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
                return errno == EBADFD ? 0 : -errno; /* a file of the kernel's own: pipes, sockets, memfds */

        return 0;
}

int landlock_restrict(int ruleset_fd) {
        return RET_NERRNO((int) syscall(SYS_landlock_restrict_self, ruleset_fd, 0));
}
