/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/syscall.h>

#include "filter-words.h"
#include "truncate-filter.h"

/* Of O_ACCMODE, O_WRONLY and O_RDWR want the right to write. O_RDONLY does not, nor does 3, which is for ioctl(2)
 * alone. */
#define FORBID_OPEN(nr, flags)                                                                                \
        IF_NUMBER(nr, 7), LOAD_ARGUMENT(flags), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TRUNC, 0, 4),          \
                        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, O_ACCMODE),                                       \
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, O_WRONLY, 2, 0),                                  \
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, O_RDWR, 1, 0), FAIL(EACCES), ALLOW

/* Instructions of what is for i386 below. */
#define I386_SIZE (1 + 2 * 8 + 4 * 2 + 1)

static const struct sock_filter program[] = {
        BEGIN,
#if defined(__x86_64__)
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, I386_SIZE),
        LOAD(nr),
        FORBID_OPEN(5, 1),    /* open */
        FORBID_OPEN(295, 2),  /* openat */
        FORBID(92, EACCES),   /* truncate */
        FORBID(193, EACCES),  /* truncate64 */
        MISSING(437),         /* openat2: its flags are in memory, where they could change */
        MISSING(425),         /* io_uring_setup: opens files too, and no filter sees it */
        ALLOW,
#endif
        BEGIN_OWN,
#if defined(__x86_64__)
        FORBID_OPEN(SYS_open, 1),
#endif
        FORBID_OPEN(SYS_openat, 2),
        FORBID(SYS_truncate, EACCES),
        MISSING(SYS_openat2),
        MISSING(SYS_io_uring_setup),
        ALLOW,
};

const struct sock_filter *truncate_filter_get(size_t *ret_n) {
        assert(ret_n);

        *ret_n = ELEMENTSOF(program);
        return program;
}
