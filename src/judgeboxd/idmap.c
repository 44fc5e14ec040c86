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

/* It has a copy of our memory and descriptors, and does nothing with them. */
static _noreturn_ void child_main(pid_t parent) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(EXIT_FAILURE);

        for (;;)
                (void) pause();
}

static int write_map(pid_t pid, const char *which, unsigned inside, unsigned outside) {
        char path[sizeof("/proc//uid_map") + 10], map[64];

        (void) snprintf(path, sizeof(path), "/proc/%i/%s", pid, which);
        (void) snprintf(map, sizeof(map), "%u %u 1\n", inside, outside);
        return write_string_file_at(AT_FDCWD, path, map);
}

static int take_namespace(pid_t pid, uid_t uid, gid_t gid, uid_t box_id) {
        char path[sizeof("/proc//ns/user") + 10];
        int r;

        r = write_map(pid, "uid_map", uid, box_id);
        if (r >= 0)
                r = write_map(pid, "gid_map", gid, box_id);
        if (r < 0)
                return r;

        (void) snprintf(path, sizeof(path), "/proc/%i/ns/user", pid);
        return RET_NERRNO(open(path, O_RDONLY | O_CLOEXEC));
}

int idmap_new(uid_t uid, gid_t gid, uid_t box_id, int *ret_fd) {
        struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
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
