/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/syscall.h>

#include "path-call.h"
#include "string-util.h"

static const char *const path_class_table[_PATH_CLASS_MAX] = {
        [PATH_READ] = "read",
        [PATH_WRITE] = "write",
        [PATH_STAT] = "stat",
        [PATH_EXEC] = "exec",
};

DEFINE_STRING_TABLE_LOOKUP(path_class, PathClass);

#define FIRST (1 << 0)
#define SECOND (1 << 1)
#define THIRD (1 << 2)
#define FOURTH (1 << 3)

/* Those without "at" are missing on architectures that came late. */
static const PathCall table[] = {
        { SYS_openat, PATH_READ, SECOND, PATH_OPEN_FLAGS },
        { SYS_openat2, PATH_READ, SECOND, PATH_OPEN_HOW },
        { SYS_readlinkat, PATH_READ, SECOND },
        { SYS_mkdirat, PATH_WRITE, SECOND },
        { SYS_mknodat, PATH_WRITE, SECOND },
        { SYS_unlinkat, PATH_WRITE, SECOND },
        { SYS_renameat2, PATH_WRITE, SECOND | FOURTH },
        { SYS_linkat, PATH_WRITE, SECOND | FOURTH },
        { SYS_symlinkat, PATH_WRITE, THIRD },
        { SYS_fchmodat, PATH_WRITE, SECOND },
        { SYS_fchownat, PATH_WRITE, SECOND },
        { SYS_truncate, PATH_WRITE, FIRST },
        { SYS_utimensat, PATH_WRITE, SECOND },
        { SYS_setxattr, PATH_WRITE, FIRST },
        { SYS_lsetxattr, PATH_WRITE, FIRST },
        { SYS_removexattr, PATH_WRITE, FIRST },
        { SYS_lremovexattr, PATH_WRITE, FIRST },
        { SYS_statx, PATH_STAT, SECOND },
        { SYS_faccessat, PATH_STAT, SECOND },
        { SYS_faccessat2, PATH_STAT, SECOND },
        { SYS_statfs, PATH_STAT, FIRST },
        { SYS_chdir, PATH_STAT, FIRST },
        { SYS_getxattr, PATH_STAT, FIRST },
        { SYS_lgetxattr, PATH_STAT, FIRST },
        { SYS_listxattr, PATH_STAT, FIRST },
        { SYS_llistxattr, PATH_STAT, FIRST },
        { SYS_inotify_add_watch, PATH_STAT, SECOND },
        { SYS_execve, PATH_EXEC, FIRST },
        { SYS_execveat, PATH_EXEC, SECOND },
#ifdef SYS_fchmodat2
        { SYS_fchmodat2, PATH_WRITE, SECOND },
#endif
#ifdef SYS_newfstatat
        { SYS_newfstatat, PATH_STAT, SECOND },
#endif
#ifdef SYS_renameat
        { SYS_renameat, PATH_WRITE, SECOND | FOURTH },
#endif
#ifdef SYS_open
        { SYS_open, PATH_READ, FIRST, PATH_OPEN_FLAGS },
        { SYS_creat, PATH_WRITE, FIRST },
        { SYS_readlink, PATH_READ, FIRST },
        { SYS_mkdir, PATH_WRITE, FIRST },
        { SYS_mknod, PATH_WRITE, FIRST },
        { SYS_unlink, PATH_WRITE, FIRST },
        { SYS_rmdir, PATH_WRITE, FIRST },
        { SYS_rename, PATH_WRITE, FIRST | SECOND },
        { SYS_link, PATH_WRITE, FIRST | SECOND },
        { SYS_symlink, PATH_WRITE, SECOND },
        { SYS_chmod, PATH_WRITE, FIRST },
        { SYS_chown, PATH_WRITE, FIRST },
        { SYS_lchown, PATH_WRITE, FIRST },
        { SYS_utime, PATH_WRITE, FIRST },
        { SYS_utimes, PATH_WRITE, FIRST },
        { SYS_futimesat, PATH_WRITE, SECOND },
        { SYS_stat, PATH_STAT, FIRST },
        { SYS_lstat, PATH_STAT, FIRST },
        { SYS_access, PATH_STAT, FIRST },
#endif
};

const PathCall *path_call_table(size_t *ret_n) {
        assert(ret_n);

        *ret_n = ELEMENTSOF(table);
        return table;
}

const PathCall *path_call_find(int number) {
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (table[i].number == number)
                        return table + i;

        return NULL;
}

PathClass path_class_of_open(uint64_t flags) {
        return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) ? PATH_WRITE : PATH_READ;
}
