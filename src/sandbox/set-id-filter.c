/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "filter-words.h"
#include "set-id-filter.h"

#define SET_ID (S_ISUID | S_ISGID)

/* The mode counts only where a file is made. */
#define MAKES_A_FILE (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))

#ifndef SYS_fchmodat2
#  define SYS_fchmodat2 452
#endif

/* Each begins and ends with the number in the accumulator, unless it is the one. */
#define CHECK_MODE(i) LOAD_ARGUMENT(i), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SET_ID, 0, 1), FAIL(EPERM), ALLOW

#define FORBID_MODE(nr, i) IF_NUMBER(nr, 4), CHECK_MODE(i)
#define FORBID_OPEN(nr, flags, i)                                                                             \
        IF_NUMBER(nr, 6), LOAD_ARGUMENT(flags), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAKES_A_FILE, 0, 3), CHECK_MODE(i)

/* Instructions of what is for i386 below. */
#define I386_SIZE (1 + 2 * 7 + 7 * 5 + 2 * 2 + 1)

static const struct sock_filter program[] = {
        BEGIN,
#if defined(__x86_64__)
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, I386_SIZE),
        LOAD(nr),
        FORBID_OPEN(5, 1, 2),     /* open */
        FORBID_OPEN(295, 2, 3),   /* openat */
        FORBID_MODE(8, 1),        /* creat */
        FORBID_MODE(14, 1),       /* mknod */
        FORBID_MODE(297, 2),      /* mknodat */
        FORBID_MODE(15, 1),       /* chmod */
        FORBID_MODE(94, 1),       /* fchmod */
        FORBID_MODE(306, 2),      /* fchmodat */
        FORBID_MODE(452, 2),      /* fchmodat2 */
        MISSING(437),             /* openat2: its mode is in memory, where it could change */
        MISSING(425),             /* io_uring_setup: opens files too, and no filter sees it */
        ALLOW,
#endif
        BEGIN_OWN,
#if defined(__x86_64__)
        FORBID_OPEN(SYS_open, 1, 2),
        FORBID_MODE(SYS_creat, 1),
        FORBID_MODE(SYS_mknod, 1),
        FORBID_MODE(SYS_chmod, 1),
#endif
        FORBID_OPEN(SYS_openat, 2, 3),
        FORBID_MODE(SYS_mknodat, 2),
        FORBID_MODE(SYS_fchmod, 1),
        FORBID_MODE(SYS_fchmodat, 2),
        FORBID_MODE(SYS_fchmodat2, 2),
        MISSING(SYS_openat2),
        MISSING(SYS_io_uring_setup),
        ALLOW,
};

const struct sock_filter *set_id_filter_get(size_t *ret_n) {
        assert(ret_n);

        *ret_n = ELEMENTSOF(program);
        return program;
}
