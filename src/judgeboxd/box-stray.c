/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box-stray.h"
#include "fd-util.h"
#include "parse-util.h"
#include "string-util.h"

#define CHILDREN_SIZE_MAX (1U << 20)
#define STATUS_SIZE_MAX (64U << 10)

/* "Uid:" and the real one, which a zombie still has. */
static int read_uid(pid_t pid, uid_t *ret) {
        char path[sizeof("/proc//status") + 10];
        _cleanup_free_ char *status = NULL;
        uint64_t uid;
        char *p;
        int r;

        (void) snprintf(path, sizeof(path), "/proc/%i/status", pid);
        r = read_full_file_at(AT_FDCWD, path, STATUS_SIZE_MAX, &status, NULL);
        if (r < 0)
                return r;

        p = strstr(status, "\nUid:\t");
        if (!p)
                return -EBADMSG;
        p += strlen("\nUid:\t");
        p[strcspn(p, "\t\n")] = '\0';

        r = parse_uint64(p, &uid);
        if (r < 0)
                return r;

        *ret = (uid_t) uid;
        return 0;
}

/* It is our child and nobody else waits for it, so the pid stays its own. */
static int kill_child(pid_t pid) {
        _cleanup_close_ int pidfd = -EBADF;

        pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return -errno;

        if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
                return -errno;

        return TAKE_FD(pidfd);
}

int box_stray_kill(uid_t uid_base) {
        _cleanup_free_ char *children = NULL;
        char *rest, *word;
        int r;

        r = read_full_file_at(AT_FDCWD, "/proc/thread-self/children", CHILDREN_SIZE_MAX, &children, NULL);
        if (r < 0)
                return r;

        for (word = strtok_r(children, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
                uint64_t pid;
                uid_t uid;

                if (parse_uint64(word, &pid) >= 0 && pid > 0 && pid <= INT32_MAX &&
                    read_uid((pid_t) pid, &uid) >= 0 && uid == uid_base)
                        return kill_child((pid_t) pid);
        }

        return -ESRCH;
}
