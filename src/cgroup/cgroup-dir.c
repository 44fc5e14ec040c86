/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "cgroup-dir.h"
#include "fd-util.h"
#include "log.h"

#define CGROUP_FILE_MAX (1024U * 1024U)

/* supervisor/ and run-<n>/ below a box below our subtree, and some for what somebody else left there. */
#define REMOVE_DEPTH_MAX 8U

static const struct {
        CgroupController bit;
        const char *name;
} controller_table[] = {
        { CGROUP_CPU, "cpu" },
        { CGROUP_MEMORY, "memory" },
        { CGROUP_PIDS, "pids" },
        { CGROUP_CPUSET, "cpuset" },
};

CgroupController cgroup_controllers_from_string(const char *s) {
        CgroupController c = 0;

        assert(s);

        while (*s) {
                size_t n = strcspn(s, " \n");

                for (size_t i = 0; i < ELEMENTSOF(controller_table); i++)
                        if (strlen(controller_table[i].name) == n &&
                            memcmp(s, controller_table[i].name, n) == 0)
                                c |= controller_table[i].bit;

                s += n;
                s += strspn(s, " \n");
        }

        return c;
}

int cgroup_controllers_to_strv(CgroupController c, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;

        assert(ret);

        l = new0(char *, 1);
        if (!l)
                return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(controller_table); i++)
                if (c & controller_table[i].bit) {
                        int r = strv_extend(&l, controller_table[i].name);
                        if (r < 0)
                                return r;
                }

        *ret = TAKE_PTR(l);
        return 0;
}

char *cgroup_controllers_to_enable(CgroupController c, char buf[static CGROUP_ENABLE_MAX]) {
        char *p = buf;

        *p = '\0';
        for (size_t i = 0; i < ELEMENTSOF(controller_table); i++)
                if (c & controller_table[i].bit) {
                        if (p != buf)
                                *p++ = ' ';
                        *p++ = '+';
                        p = stpcpy(p, controller_table[i].name);
                }

        return buf;
}

Degraded cgroup_controllers_to_degraded(CgroupController c) {
        return (c & CGROUP_MEMORY ? 0 : DEGRADED_MEMORY) | (c & CGROUP_PIDS ? 0 : DEGRADED_PROCESSES) |
                (c & CGROUP_CPU ? 0 : DEGRADED_CPUS) | (c & CGROUP_CPUSET ? 0 : DEGRADED_CPU_SET);
}

int cgroup_dir_open(int dir_fd, const char *path, int flags) {
        struct open_how how = {
                .flags = (uint64_t) (flags | O_DIRECTORY | O_CLOEXEC),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
        };

        assert(dir_fd >= 0);
        assert(path);

        return RET_NERRNO((int) syscall(SYS_openat2, dir_fd, isempty(path) ? "." : path, &how, sizeof(how)));
}

int cgroup_dir_iterate(int dir_fd, const char *path, DIR **ret) {
        _cleanup_close_ int fd = -EBADF;
        DIR *d;

        assert(ret);

        fd = cgroup_dir_open(dir_fd, path, O_RDONLY);
        if (fd < 0)
                return fd;

        d = fdopendir(fd);
        if (!d)
                return -errno;

        (void) TAKE_FD(fd);
        *ret = d;
        return 0;
}

int cgroup_dir_next(DIR *d, const char **ret_name) {
        assert(d);
        assert(ret_name);

        for (;;) {
                struct dirent *e;

                errno = 0;
                e = readdir(d);
                if (!e)
                        return -errno;

                if (e->d_type == DT_DIR && !streq(e->d_name, ".") && !streq(e->d_name, "..")) {
                        *ret_name = e->d_name;
                        return 1;
                }
        }
}

int cgroup_dir_read_controllers(int dir_fd, const char *file, CgroupController *ret) {
        _cleanup_free_ char *text = NULL;
        int r;

        assert(dir_fd >= 0);
        assert(ret);

        r = read_full_file_at(dir_fd, file, CGROUP_FILE_MAX, &text, NULL);
        if (r < 0)
                return r;

        *ret = cgroup_controllers_from_string(text);
        return 0;
}

/* The root of the hierarchy may have both, processes and controllers; it alone has no type. */
static int dir_is_occupied(int dir_fd) {
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;
        char c;

        if (faccessat(dir_fd, "cgroup.type", F_OK, 0) < 0)
                return errno == ENOENT ? 0 : -errno;

        fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        n = read(fd, &c, 1);
        return n < 0 ? -errno : n > 0;
}

int cgroup_dir_enable(int dir_fd, CgroupController want, CgroupController *ret_enabled) {
        CgroupController available, enabled;
        int r;

        assert(dir_fd >= 0);
        assert(ret_enabled);

        r = cgroup_dir_read_controllers(dir_fd, "cgroup.controllers", &available);
        if (r < 0)
                return r;

        r = cgroup_dir_read_controllers(dir_fd, "cgroup.subtree_control", &enabled);
        if (r < 0)
                return r;

        if (want & available & ~enabled) {
                /* The kernel refuses this for memory only. With cpu or pids it makes the cgroup a threaded domain,
                 * and then nothing can be cloned into its children. */
                r = dir_is_occupied(dir_fd);
                if (r < 0)
                        return r;
                if (r > 0)
                        return -EBUSY;
        }

        /* One by one: the cpu controller alone is refused while a realtime process is in the subtree. */
        for (size_t i = 0; i < ELEMENTSOF(controller_table); i++) {
                CgroupController bit = controller_table[i].bit;
                char buf[CGROUP_ENABLE_MAX];

                if (!(want & available & ~enabled & bit))
                        continue;

                r = write_string_file_at(dir_fd, "cgroup.subtree_control", cgroup_controllers_to_enable(bit, buf));
                if (r >= 0)
                        enabled |= bit;
                else
                        (void) log_debug_errno(r, "Failed to enable controller %s: %m", controller_table[i].name);
        }

        *ret_enabled = enabled & want;
        return 0;
}

bool cgroup_dir_exists(int dir_fd) {
        return faccessat(dir_fd, "cgroup.procs", F_OK, 0) >= 0;
}

int cgroup_dir_is_populated(int dir_fd) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t populated;
        int r;

        assert(dir_fd >= 0);

        fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return IN_SET(errno, ENOENT, ENODEV) ? 0 : -errno;

        r = cgroup_read_key(fd, "populated", &populated);
        if (r == -ENODEV) /* removed in between */
                return 0;
        if (r < 0)
                return r;

        return populated > 0;
}

int cgroup_dir_kill(int dir_fd) {
        assert(dir_fd >= 0);

        return write_string_file_at(dir_fd, "cgroup.kill", "1");
}

static int dir_remove(int parent_fd, const char *name, unsigned depth);

static int dir_remove_children(int dir_fd, const char *path, unsigned depth) {
        _cleanup_(closedirp) DIR *d = NULL;
        const char *child;
        int r;

        if (depth == 0)
                return -EBUSY;

        r = cgroup_dir_iterate(dir_fd, path, &d);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        while ((r = cgroup_dir_next(d, &child)) > 0) {
                r = dir_remove(dirfd(d), child, depth - 1);
                if (r < 0)
                        return r;
        }

        return r;
}

static int dir_remove(int parent_fd, const char *name, unsigned depth) {
        int r;

        if (unlinkat(parent_fd, name, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EBUSY)
                return -errno;

        /* Busy because of children, or of processes: the second try tells. */
        r = dir_remove_children(parent_fd, name, depth);
        if (r < 0)
                return r;

        return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_dir_remove(int parent_fd, const char *name) {
        assert(parent_fd >= 0);
        assert(name);

        return dir_remove(parent_fd, name, REMOVE_DEPTH_MAX);
}

int cgroup_dir_remove_children(int dir_fd) {
        assert(dir_fd >= 0);

        return dir_remove_children(dir_fd, "", REMOVE_DEPTH_MAX);
}

/* Positive: there were some, and more may have been forked meanwhile. */
static int move_processes_once(int dir_fd, int leaf_fd) {
        _cleanup_strv_free_ char **pids = NULL;
        _cleanup_free_ char *text = NULL;
        int r, moved = 0, error = 0;

        r = read_full_file_at(dir_fd, "cgroup.procs", CGROUP_FILE_MAX, &text, NULL);
        if (r < 0)
                return r;

        r = strv_split(text, "\n", &pids);
        if (r < 0)
                return r;

        STRV_FOREACH(pid, pids) {
                if (isempty(*pid))
                        continue;

                /* "0" is a process outside of our pid namespace; written back it would mean ourselves. */
                if (streq(*pid, "0")) {
                        error = -EBUSY;
                        continue;
                }

                r = write_string_file_at(leaf_fd, "cgroup.procs", *pid);
                if (r >= 0)
                        moved++;
                else if (r != -ESRCH)
                        error = r;
        }

        return moved > 0 ? moved : error;
}

int cgroup_dir_move_processes(int dir_fd, int leaf_fd) {
        int r = 0;

        assert(dir_fd >= 0);
        assert(leaf_fd >= 0);

        /* Those moved do not come back, so this ends unless somebody forks faster than it can be read. */
        for (unsigned i = 0; i < 32; i++) {
                r = move_processes_once(dir_fd, leaf_fd);
                if (r <= 0)
                        return r;
        }

        return -EBUSY;
}
