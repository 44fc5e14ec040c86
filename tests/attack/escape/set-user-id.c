/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves a set-user-ID program of the judge's in the judge's own directory, for a friend on the host to call
 * Barrier: no-set-id-files
 * Options: --directory={own-directory}
 * Verdict: runtime-error
 * Trace: host-file */
#include "attack.h"
#include <sys/stat.h>

static bool has_set_id(const char *path) {
        struct stat st;

        return stat(path, &st) >= 0 && (st.st_mode & (S_ISUID | S_ISGID)) != 0;
}

ATTACK(set_user_id) {
        bool worked;
        int fd;

        fd = open("program", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
        if (fd < 0)
                return broken("open");
        (void) tried("chmod", chmod("program", 06755));
        (void) tried("fchmod", fchmod(fd, 06755));
        (void) tried("fchmodat2", syscall(452, AT_FDCWD, "program", 06755, 0));
        worked = has_set_id("program");

        (void) tried("open", open("opened", O_WRONLY | O_CREAT | O_CLOEXEC, 06755));
        (void) tried("mknod", mknod("made", S_IFREG | 06755, 0));
        worked |= has_set_id("opened") || has_set_id("made");
        return outcome(worked);
}
