/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd-util.h"
#include "idmap.h"

/* It has a copy of our memory, and does nothing with it. */
static _noreturn_ void child_main(pid_t parent) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(EXIT_FAILURE);

        for (;;)
                (void) pause();
}

#define N_IDS UINT32_MAX /* the last one is none */

static int write_map(pid_t pid, const char *which, const char *map) {
        char path[sizeof("/proc//uid_map") + 10];

        (void) snprintf(path, sizeof(path), "/proc/%i/%s", pid, which);
        return write_string_file_at(AT_FDCWD, path, map);
}

/* So many ids from this one on stand for themselves. Returns the end of the text. */
static char *add_range(char *p, uint32_t first, uint32_t n) {
        return n > 0 ? p + sprintf(p, "%u %u %u\n", first, first, n) : p;
}

/* The kernel has nobody write to a file of which the uid or the gid is not mapped. Of the tenant's own files the group
 * may be any, and stays what it is, so that it is of no use to the program. */
static int write_gid_map(pid_t pid, gid_t gid, gid_t box_id) {
        uint32_t low = MIN(gid, box_id), high = MAX(gid, box_id);
        char map[4 * 36], *p = map;

        p = add_range(p, 0, low);
        if (low < high)
                p = add_range(p, low + 1, high - low - 1);
        p = add_range(p, high + 1, N_IDS - high - 1);
        (void) sprintf(p, "%u %u 1\n", gid, box_id);
        return write_map(pid, "gid_map", map);
}

static int take_namespace(pid_t pid, uid_t uid, gid_t gid, uid_t box_id) {
        char path[sizeof("/proc//ns/user") + 10], uid_map[36];
        int r;

        (void) snprintf(uid_map, sizeof(uid_map), "%u %u 1\n", uid, box_id);
        r = write_map(pid, "uid_map", uid_map);
        if (r >= 0)
                r = write_gid_map(pid, gid, box_id);
        if (r < 0)
                return r;

        (void) snprintf(path, sizeof(path), "/proc/%i/ns/user", pid);
        return RET_NERRNO(open(path, O_RDONLY | O_CLOEXEC));
}

int idmap_new(uid_t uid, gid_t gid, uid_t box_id, int *ret_fd) {
        /* With our descriptors, not copies of them: those it would have to close when it ends, for which we wait, and
         * a tenant's may take for ever (slow-close.h). */
        struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_FILES, .exit_signal = SIGCHLD };
        pid_t parent = getpid(), pid;
        int r;

        assert(ret_fd);

        pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child_main(parent);

        r = take_namespace(pid, uid, gid, box_id);

        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
        if (r < 0)
                return r;

        *ret_fd = r;
        return 0;
}

int idmap_apply(int idmap_fd, int mount_fd) {
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) idmap_fd };

        return RET_NERRNO(mount_setattr(mount_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)));
}
