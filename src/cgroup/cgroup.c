/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "cgroup-dir.h"
#include "cgroup-internal.h"
#include "cgroup-mount.h"
#include "fd-util.h"
#include "log.h"
#include "parse-util.h"

int cgroup_manager_init(CgroupManager *m, char **ret_root) {
        long n;

        assert(m);
        assert(m->vtable);
        assert(ret_root);

        n = sysconf(_SC_NPROCESSORS_ONLN);
        if (n <= 0)
                return errno_or_else(EOPNOTSUPP);

        m->n_cpus = (unsigned) n;
        LIST_INIT(&m->boxes);
        return cgroup_mount_open(&m->mount_fd, ret_root);
}

CgroupManager *cgroup_manager_free(CgroupManager *m) {
        if (!m)
                return NULL;

        assert(LIST_EMPTY(&m->boxes));

        m->vtable->done(m);
        (void) safe_close(m->mount_fd);
        return mfree(m);
}

const char *cgroup_manager_get_name(CgroupManager *m) {
        return ASSERT_PTR(m)->vtable->name;
}

int cgroup_manager_set_bus(CgroupManager *m, struct sd_bus *bus) {
        assert(m);
        assert(bus);

        return m->vtable->set_bus ? m->vtable->set_bus(m, bus) : 0;
}

CgroupController cgroup_manager_get_controllers(CgroupManager *m) {
        return ASSERT_PTR(m)->controllers;
}

int cgroup_manager_read_budget(CgroupManager *m, uid_t owner, CgroupBudget *ret) {
        assert(m);
        assert(ret);

        if (m->vtable->read_budget)
                return m->vtable->read_budget(m, owner, ret);

        *ret = CGROUP_BUDGET_NONE;
        return 0;
}

int cgroup_manager_kill_strays(CgroupManager *m) {
        assert(m);

        return m->vtable->kill_strays ? m->vtable->kill_strays(m) : 0;
}

/* A box that is in the list and has its name, but nothing made for it yet. */
static int box_cgroup_alloc(CgroupManager *m, uid_t owner, const char *id, BoxCgroup **ret) {
        _cleanup_free_ char *name = NULL;
        BoxCgroup *b, *other;

        if (!box_id_is_valid(id))
                return -EINVAL;

        name = strprintf("%u-%s", owner, id);
        if (!name)
                return -ENOMEM;

        LIST_FOREACH(other, &m->boxes, boxes)
                if (streq(other->name, name))
                        return -EEXIST;

        assert(m->vtable->box_size >= sizeof(BoxCgroup));
        b = calloc(1, m->vtable->box_size);
        if (!b)
                return -ENOMEM;

        *b = (BoxCgroup) {
                .manager = m,
                .owner = owner,
                .name = TAKE_PTR(name),
                .dir_fd = -EBADF,
                .uid = UID_INVALID,
                .budget = CGROUP_BUDGET_NONE,
        };
        LIST_INSERT_HEAD(&m->boxes, b, boxes);

        *ret = b;
        return 0;
}

int box_cgroup_new(CgroupManager *m, uid_t owner, const char *id, const char *description, BoxCgroup **ret) {
        _cleanup_(box_cgroup_freep) BoxCgroup *b = NULL;
        int r;

        assert(m);
        assert(ret);

        r = box_cgroup_alloc(m, owner, id, &b);
        if (r < 0)
                return r;

        r = m->vtable->box_new(b, description);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(b);
        return 0;
}

int box_cgroup_adopt(CgroupManager *m, uid_t owner, const char *id, BoxCgroup **ret) {
        _cleanup_(box_cgroup_freep) BoxCgroup *b = NULL;
        struct stat st;
        int r;

        assert(m);
        assert(ret);

        if (!m->vtable->box_adopt)
                return -EOPNOTSUPP;

        r = box_cgroup_alloc(m, owner, id, &b);
        if (r < 0)
                return r;

        r = m->vtable->box_adopt(b);
        if (r < 0)
                return r;

        /* Who may clone into it is written on the box itself. */
        if (fstatat(b->dir_fd, "supervisor/cgroup.procs", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? -ENODATA : -errno;
        b->uid = st.st_uid;

        *ret = TAKE_PTR(b);
        return 0;
}

BoxCgroup *box_cgroup_free(BoxCgroup *b) {
        if (!b)
                return NULL;

        assert(b->n_runs == 0);

        LIST_REMOVE(b, boxes);
        b->manager->vtable->box_done(b);
        (void) safe_close(b->dir_fd);
        free(b->name);
        free(b->path);
        return mfree(b);
}

BoxCgroup *box_cgroup_release(BoxCgroup *b) {
        if (b)
                b->released = true;

        return box_cgroup_free(b);
}

void box_cgroup_set_budget(BoxCgroup *b, const CgroupBudget *budget) {
        assert(b);
        assert(budget);

        b->budget = *budget;
}

int box_cgroup_get_clone_fd(BoxCgroup *b) {
        assert(b);

        return b->manager->vtable->clone_into ? b->dir_fd : -EBADF;
}

int box_cgroup_attach(BoxCgroup *b, pid_t pid, int pidfd, box_cgroup_attached_t callback, void *userdata) {
        assert(b);
        assert(pid > 0);
        assert(callback);
        assert(!b->attached);

        b->attached = callback;
        b->attached_userdata = userdata;
        return b->manager->vtable->box_attach(b, pid, pidfd);
}

void box_cgroup_attached(BoxCgroup *b, int r) {
        assert(b);
        assert(b->attached);

        TAKE_PTR(b->attached)(b, r, b->attached_userdata);
}

void box_cgroup_set_removed_handler(BoxCgroup *b, box_cgroup_removed_t callback, void *userdata) {
        assert(b);

        b->removed = callback;
        b->removed_userdata = userdata;
}

int box_cgroup_settle(BoxCgroup *b, uint64_t token, box_cgroup_settled_t callback, void *userdata) {
        assert(b);
        assert(callback);

        if (b->manager->vtable->box_settle)
                return b->manager->vtable->box_settle(b, token, callback, userdata);

        callback(b, token, userdata);
        return 0;
}

int box_cgroup_delegate(BoxCgroup *b, uid_t uid, int *ret_supervisor_fd) {
        _cleanup_close_ int fd = -EBADF;

        assert(b);
        assert(b->dir_fd >= 0);
        assert(uid != UID_INVALID);
        assert(ret_supervisor_fd);

        if (mkdirat(b->dir_fd, "supervisor", 0755) < 0 && errno != EEXIST)
                return -errno;

        fd = cgroup_dir_open(b->dir_fd, "supervisor", O_PATH);
        if (fd < 0)
                return fd;

        /* Cloning into a cgroup asks for the right to write cgroup.procs there and in the nearest cgroup above
         * both ends. Nothing else becomes the uid's: it can make no cgroups and set no limits. */
        if (fchownat(b->dir_fd, "cgroup.procs", uid, (gid_t) -1, 0) < 0 ||
            fchownat(fd, "cgroup.procs", uid, (gid_t) -1, 0) < 0)
                return -errno;

        b->uid = uid;
        *ret_supervisor_fd = TAKE_FD(fd);
        return 0;
}

int box_cgroup_enable_controllers(BoxCgroup *b) {
        char buf[CGROUP_ENABLE_MAX];

        assert(b);
        assert(b->dir_fd >= 0);

        if (b->manager->controllers == 0)
                return 0;

        return write_string_file_at(
                        b->dir_fd,
                        "cgroup.subtree_control",
                        cgroup_controllers_to_enable(b->manager->controllers, buf));
}

const char *box_cgroup_get_path(BoxCgroup *b) {
        return ASSERT_PTR(b)->path;
}

int box_cgroup_kill(BoxCgroup *b) {
        assert(b);

        /* Not attached yet: there is nothing in it. */
        if (b->dir_fd < 0)
                return 0;

        return cgroup_dir_kill(b->dir_fd);
}

int box_cgroup_list_runs(BoxCgroup *b, uint64_t **ret, size_t *ret_n) {
        _cleanup_free_ uint64_t *runs = NULL;
        _cleanup_(closedirp) DIR *d = NULL;
        size_t n = 0;
        int r;

        assert(b);
        assert(b->dir_fd >= 0);
        assert(ret);
        assert(ret_n);

        r = cgroup_dir_iterate(b->dir_fd, "", &d);
        if (r < 0)
                return r;

        for (;;) {
                const char *name, *number;
                uint64_t *grown, v;

                r = cgroup_dir_next(d, &name);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;

                number = startswith(name, "run-");
                if (!number || parse_uint64(number, &v) < 0)
                        continue;

                grown = reallocarray(runs, n + 1, sizeof(*runs));
                if (!grown)
                        return -ENOMEM;
                runs = grown;
                runs[n++] = v;
        }

        *ret = TAKE_PTR(runs);
        *ret_n = n;
        return 0;
}

static int box_read_uint64(BoxCgroup *b, CgroupController controller, const char *file, uint64_t *ret) {
        _cleanup_close_ int fd = -EBADF;

        if (!(b->manager->controllers & controller)) {
                *ret = RESULT_UNKNOWN;
                return 0;
        }

        fd = openat(b->dir_fd, file, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        return cgroup_read_uint64(fd, ret);
}

int box_cgroup_read_usage(
                BoxCgroup *b,
                usec_t *ret_cpu_usec,
                uint64_t *ret_memory_bytes,
                uint64_t *ret_processes) {

        _cleanup_close_ int fd = -EBADF;
        uint64_t memory, processes;
        CpuStat stat;
        int r;

        assert(b);
        assert(ret_cpu_usec);
        assert(ret_memory_bytes);
        assert(ret_processes);

        if (b->dir_fd < 0)
                return -ENODATA;

        fd = openat(b->dir_fd, "cpu.stat", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        r = cgroup_read_cpu_stat(fd, &stat);
        if (r < 0)
                return r;

        r = box_read_uint64(b, CGROUP_MEMORY, "memory.current", &memory);
        if (r < 0)
                return r;

        r = box_read_uint64(b, CGROUP_PIDS, "pids.current", &processes);
        if (r < 0)
                return r;

        *ret_cpu_usec = stat.usage_usec;
        *ret_memory_bytes = memory;
        *ret_processes = processes;
        return 0;
}
