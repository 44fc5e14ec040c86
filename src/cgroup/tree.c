/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager for hosts with no systemd: a directory of our own in the cgroup2 hierarchy, a box being a directory
 * in that.
 *
 *   <place>/judgebox-<pid>/<uid>-<id>/{supervisor,run-<n>}
 *
 * The directory is locked (flock) for as long as its manager lives, so that whoever comes next to the same place
 * can tell one that was left behind by a crash and take it away. A pid would not tell: it may be of another
 * pid namespace. It is open to its owner alone: whoever can open it can lock it, too.
 *
 * Where boxes are to outlive their manager the directory has a name of its own, and stays for as long as there is a box
 * in it: the manager that comes next takes it over. */

#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "cgroup-dir.h"
#include "cgroup-internal.h"
#include "cgroup-mount.h"
#include "fd-util.h"
#include "log.h"

#define TREE_PREFIX "judgebox-"
#define TREE_MODE 0700

/* Where processes go that are in the way at the place: with controllers enabled a cgroup has no processes. */
#define TREE_LEAF "judgebox-leaf"

/* How long a removal waits for what it has killed. */
#define TREE_KILL_USEC USEC_PER_SEC

typedef struct TreeManager {
        CgroupManager meta;
        int place_fd;
        int dir_fd; /* locked */
        bool lasting;
        char *name;
        char *path; /* of dir_fd below the mount, with a leading slash */
} TreeManager;

static TreeManager *TREE(CgroupManager *m) {
        return (TreeManager *) ASSERT_PTR(m);
}

/* "judgebox-<digits>" or "judgebox-<digits>-<digits>": not a unit of systemd's, not the leaf. */
static bool is_tree_name(const char *s) {
        size_t n;

        s = startswith(s, TREE_PREFIX);
        if (!s)
                return false;

        n = strspn(s, "0123456789");
        if (n == 0)
                return false;
        s += n;
        if (*s == '\0')
                return true;
        if (*s != '-')
                return false;

        n = strspn(++s, "0123456789");
        return n > 0 && s[n] == '\0';
}

/* Kills what is in it and waits a bounded time for its end. cgroup.events is slow to tell (10 ms), which does not
 * matter here. */
static void kill_and_wait(int dir_fd) {
        usec_t deadline = usec_add(now_usec(CLOCK_MONOTONIC), TREE_KILL_USEC);
        _cleanup_close_ int fd = -EBADF;

        if (cgroup_dir_kill(dir_fd) < 0)
                return;

        fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;

        for (;;) {
                uint64_t populated;

                /* Reading is what arms the next notification. */
                if (cgroup_read_key(fd, "populated", &populated) < 0 || populated == 0)
                        return;
                if (fd_wait_for_event(fd, POLLPRI, deadline) <= 0)
                        return;
        }
}

static void remove_stale(int place_fd, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = cgroup_dir_open(place_fd, name, O_RDONLY);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                return;

        kill_and_wait(fd);
        r = cgroup_dir_remove(place_fd, name);
        if (r < 0)
                (void) log_debug_errno(r, "Failed to remove the stale cgroup %s: %m", name);
}

static int remove_all_stale(int place_fd) {
        _cleanup_(closedirp) DIR *d = NULL;
        const char *name;
        int r;

        r = cgroup_dir_iterate(place_fd, "", &d);
        if (r < 0)
                return r;

        while ((r = cgroup_dir_next(d, &name)) > 0)
                if (is_tree_name(name))
                        remove_stale(place_fd, name);

        return r;
}

static bool is_delegated(int fd) {
        static const char *const names[] = { "trusted.delegate", "user.delegate" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char value;

                if (fgetxattr(fd, names[i], &value, 1) == 1 && value == '1' &&
                    faccessat(fd, ".", W_OK, AT_EACCESS) >= 0)
                        return true;
        }

        return false;
}

/* The nearest delegated cgroup from `path`, which is below the mount, upwards. -ENOENT: there is none. */
static int find_delegated(int mount_fd, const char *path, int *ret_fd, char **ret_path) {
        _cleanup_free_ char *p = NULL;

        p = strdup(path);
        if (!p)
                return -ENOMEM;

        for (;;) {
                _cleanup_close_ int fd = -EBADF;
                char *slash;

                fd = cgroup_dir_open(mount_fd, p, O_RDONLY);
                if (fd >= 0 && is_delegated(fd)) {
                        *ret_fd = TAKE_FD(fd);
                        *ret_path = TAKE_PTR(p);
                        return 0;
                }
                if (fd < 0 && fd != -ENOENT && fd != -EACCES)
                        return fd;

                if (isempty(p))
                        return -ENOENT;
                slash = strrchr(p, '/');
                *(slash ?: p) = '\0';
        }
}

/* ret_path is relative to the mount, with no leading slash. */
static int find_place(int mount_fd, const char *mount_root, const char *path, int *ret_fd, char **ret_path) {
        _cleanup_free_ char *own = NULL, *p = NULL;
        const char *below;
        int fd, r;

        if (path)
                path += strspn(path, "/");
        else {
                r = cgroup_path_of_pid(0, &own);
                if (r < 0 && r != -ENODATA)
                        return r;

                below = r >= 0 ? cgroup_path_below(own, mount_root) : NULL;
                if (below) {
                        r = find_delegated(mount_fd, below, ret_fd, ret_path);
                        if (r != -ENOENT)
                                return r;
                }
        }

        p = strdup(strempty(path));
        if (!p)
                return -ENOMEM;

        fd = cgroup_dir_open(mount_fd, p, O_RDONLY);
        if (fd < 0)
                return fd;

        *ret_fd = fd;
        *ret_path = TAKE_PTR(p);
        return 0;
}

/* Every level's children get what controllers there are. What cannot be enabled is missing, not an error: the user
 * decides whether that is good enough. */
static int enable_at_place(int place_fd, CgroupController *ret) {
        _cleanup_close_ int leaf_fd = -EBADF;
        int r;

        r = cgroup_dir_enable(place_fd, _CGROUP_CONTROLLERS_ALL, ret);
        if (r != -EBUSY)
                return r;

        if (mkdirat(place_fd, TREE_LEAF, 0755) < 0 && errno != EEXIST)
                return -errno;

        leaf_fd = cgroup_dir_open(place_fd, TREE_LEAF, O_PATH);
        if (leaf_fd < 0)
                return leaf_fd;

        r = cgroup_dir_move_processes(place_fd, leaf_fd);
        if (r < 0)
                (void) log_debug_errno(r, "Failed to move processes to %s: %m", TREE_LEAF);

        r = cgroup_dir_enable(place_fd, _CGROUP_CONTROLLERS_ALL, ret);
        if (r == -EBUSY) {
                /* Somebody stays: all that is left is what was enabled before. */
                CgroupController enabled;

                r = cgroup_dir_read_controllers(place_fd, "cgroup.subtree_control", &enabled);
                if (r < 0)
                        return r;
                *ret = enabled;
        }
        return r;
}

/* Makes our directory under a name that nobody has, and locks it. */
static int make_dir(TreeManager *t, const char *place_path) {
        for (unsigned i = 0; i < 32; i++) {
                _cleanup_free_ char *name = NULL, *path = NULL;
                _cleanup_close_ int fd = -EBADF;

                name = i == 0 ? strprintf(TREE_PREFIX "%i", getpid()) : strprintf(TREE_PREFIX "%i-%u", getpid(), i);
                if (!name)
                        return -ENOMEM;

                path = strprintf("/%s%s%s", place_path, isempty(place_path) ? "" : "/", name);
                if (!path)
                        return -ENOMEM;

                if (mkdirat(t->place_fd, name, TREE_MODE) < 0) {
                        if (errno == EEXIST)
                                continue;
                        return -errno;
                }

                fd = cgroup_dir_open(t->place_fd, name, O_RDONLY);
                if (fd < 0 && fd != -ENOENT)
                        return fd;

                /* Before the lock was ours, somebody may have taken the directory for stale. */
                if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || !cgroup_dir_exists(fd))
                        continue;

                t->dir_fd = TAKE_FD(fd);
                t->name = TAKE_PTR(name);
                t->path = TAKE_PTR(path);
                return 0;
        }

        return -EEXIST;
}

/* How often to try, 10 ms apart, to lock a directory that an earlier manager had. A child that it was just making may
 * hold the lock for a moment longer than itself. */
#define TREE_LOCK_TRIES 100U

static int lock_lasting(int fd) {
        for (unsigned i = 0;; i++) {
                if (flock(fd, LOCK_EX | LOCK_NB) >= 0)
                        return 0;
                if (errno != EWOULDBLOCK)
                        return -errno;
                if (i >= TREE_LOCK_TRIES)
                        return -EBUSY;

                (void) usleep(10 * USEC_PER_MSEC);
        }
}

static int open_lasting_dir(TreeManager *t, const char *place_path, const char *name) {
        int r;

        t->lasting = true;
        t->name = strdup(name);
        t->path = strprintf("/%s%s%s", place_path, isempty(place_path) ? "" : "/", name);
        if (!t->name || !t->path)
                return -ENOMEM;

        if (mkdirat(t->place_fd, name, TREE_MODE) < 0 && errno != EEXIST)
                return -errno;

        t->dir_fd = cgroup_dir_open(t->place_fd, name, O_RDONLY);
        if (t->dir_fd < 0)
                return t->dir_fd;

        /* One that was there may be open to others. */
        r = RET_NERRNO(fchmod(t->dir_fd, TREE_MODE));
        if (r >= 0)
                r = lock_lasting(t->dir_fd);
        if (r < 0)
                t->dir_fd = safe_close(t->dir_fd);
        return r;
}

static void tree_done(CgroupManager *m) {
        TreeManager *t = TREE(m);

        if (t->dir_fd >= 0 && t->lasting)
                /* Only if it is empty. */
                (void) unlinkat(t->place_fd, t->name, AT_REMOVEDIR);
        else if (t->dir_fd >= 0) {
                int r;

                r = cgroup_dir_remove(t->place_fd, t->name);
                if (r < 0) {
                        kill_and_wait(t->dir_fd);
                        r = cgroup_dir_remove(t->place_fd, t->name);
                }
                if (r < 0)
                        (void) log_debug_errno(r, "Failed to remove cgroup %s: %m", t->path);
        }

        t->dir_fd = safe_close(t->dir_fd);
        t->place_fd = safe_close(t->place_fd);
        t->name = mfree(t->name);
        t->path = mfree(t->path);
}

static int tree_box_new(BoxCgroup *b, const char *description) {
        TreeManager *t = TREE(b->manager);
        int r;

        b->path = strprintf("%s/%s", t->path, b->name);
        if (!b->path)
                return -ENOMEM;

        /* No box of ours has the name: what is there could not be removed when its box ended. */
        r = cgroup_dir_remove(t->dir_fd, b->name);
        if (r < 0)
                return r == -EBUSY ? -EEXIST : r;

        if (mkdirat(t->dir_fd, b->name, 0755) < 0)
                return -errno;

        b->dir_fd = cgroup_dir_open(t->dir_fd, b->name, O_RDONLY);
        return b->dir_fd < 0 ? b->dir_fd : 0;
}

static int tree_box_adopt(BoxCgroup *b) {
        TreeManager *t = TREE(b->manager);

        if (!t->lasting)
                return -EOPNOTSUPP;

        b->path = strprintf("%s/%s", t->path, b->name);
        if (!b->path)
                return -ENOMEM;

        b->dir_fd = cgroup_dir_open(t->dir_fd, b->name, O_RDONLY);
        return b->dir_fd < 0 ? b->dir_fd : 0;
}

static bool is_box(CgroupManager *m, const char *name) {
        BoxCgroup *b;

        LIST_FOREACH(b, &m->boxes, boxes)
                if (streq(b->name, name))
                        return true;

        return false;
}

static int tree_kill_strays(CgroupManager *m) {
        TreeManager *t = TREE(m);
        _cleanup_(closedirp) DIR *d = NULL;
        const char *name;
        int r, n = 0;

        r = cgroup_dir_iterate(t->dir_fd, "", &d);
        if (r < 0)
                return r;

        while ((r = cgroup_dir_next(d, &name)) > 0) {
                _cleanup_close_ int fd = -EBADF;

                if (is_box(m, name))
                        continue;

                fd = cgroup_dir_open(t->dir_fd, name, O_RDONLY);
                if (fd < 0)
                        continue;

                kill_and_wait(fd);
                r = cgroup_dir_remove(t->dir_fd, name);
                if (r < 0)
                        (void) log_debug_errno(r, "Failed to remove cgroup %s/%s: %m", t->path, name);
                n++;
        }

        return r < 0 ? r : n;
}

static int tree_box_attach(BoxCgroup *b, pid_t pid, int pidfd) {
        box_cgroup_attached(b, 0);
        return 0;
}

static void tree_box_done(BoxCgroup *b) {
        int r;

        if (b->dir_fd < 0 || b->released)
                return;

        r = cgroup_dir_remove(TREE(b->manager)->dir_fd, b->name);
        if (r < 0)
                (void) log_debug_errno(r, "Failed to remove cgroup %s: %m", b->path);
}

static const CgroupManagerVTable tree_vtable = {
        .name = "tree",
        .box_size = sizeof(BoxCgroup),
        .clone_into = true,
        .done = tree_done,
        .box_new = tree_box_new,
        .box_adopt = tree_box_adopt,
        .box_attach = tree_box_attach,
        .box_done = tree_box_done,
        .kill_strays = tree_kill_strays,
};

static int new_tree(const char *path, const char *name, CgroupManager **ret) {
        _cleanup_(cgroup_manager_freep) CgroupManager *m = NULL;
        _cleanup_free_ char *root = NULL, *place_path = NULL;
        CgroupController at_place;
        TreeManager *t;
        int r;

        assert(ret);

        t = new(TreeManager, 1);
        if (!t)
                return -ENOMEM;
        *t = (TreeManager) {
                .meta = { .vtable = &tree_vtable, .mount_fd = -EBADF },
                .place_fd = -EBADF,
                .dir_fd = -EBADF,
        };
        m = &t->meta;

        r = cgroup_manager_init(m, &root);
        if (r < 0)
                return r;

        r = find_place(m->mount_fd, root, path, &t->place_fd, &place_path);
        if (r < 0)
                return r;

        r = remove_all_stale(t->place_fd);
        if (r < 0)
                return r;

        r = enable_at_place(t->place_fd, &at_place);
        if (r < 0)
                return r;

        r = name ? open_lasting_dir(t, place_path, name) : make_dir(t, place_path);
        if (r < 0)
                return r;

        r = cgroup_dir_enable(t->dir_fd, at_place, &m->controllers);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

int cgroup_manager_new_tree(const char *path, CgroupManager **ret) {
        return new_tree(path, /* name= */ NULL, ret);
}

int cgroup_manager_new_lasting_tree(const char *path, const char *name, CgroupManager **ret) {
        assert(name);
        assert(!is_tree_name(name));

        return new_tree(path, name, ret);
}
