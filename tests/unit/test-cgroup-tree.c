/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager `tree` on the machine's own cgroup2, below which it makes a directory and takes it away again. Where
 * there are controllers (a guest), that limits really land. */

#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "cgroup-child.h"
#include "cgroup-dir.h"
#include "cgroup-mount.h"
#include "test-util.h"

#define BOX_ROOT_UID ((uid_t) 1234567)

static CgroupController controllers; /* of this machine */

static int mount_open(void) {
        _cleanup_free_ char *root = NULL;
        int fd;

        ck_assert_int_eq(cgroup_mount_open(&fd, &root), 0);
        return fd;
}

static bool cgroup_exists(const char *path) {
        _cleanup_close_ int mount_fd = mount_open();

        ck_assert_ptr_nonnull(path);
        return faccessat(mount_fd, path + 1, F_OK, 0) >= 0;
}

static void read_at(int dir_fd, const char *file, char **ret) {
        ck_assert_int_eq(read_full_file_at(dir_fd, file, 65536, ret, NULL), 0);
}

#define assert_file(dir_fd, file, expected)                                     \
        do {                                                                    \
                _cleanup_free_ char *_text = NULL;                              \
                read_at((dir_fd), (file), &_text);                              \
                ck_assert_str_eq(_text, (expected));                            \
        } while (false)

static int box_dir(BoxCgroup *b) {
        _cleanup_close_ int mount_fd = mount_open();
        int fd;

        fd = cgroup_dir_open(mount_fd, box_cgroup_get_path(b) + 1, O_PATH);
        ck_assert_int_ge(fd, 0);
        return fd;
}

static void count_attached(BoxCgroup *b, int r, void *userdata) {
        int *count = userdata;

        ck_assert_int_eq(r, 0);
        (*count)++;
}

/* A manager and a box that is as far as it is when judgebox-init runs. */
typedef struct Fixture {
        CgroupManager *m;
        BoxCgroup *b;
        int supervisor_fd;
} Fixture;

static void fixture_start(Fixture *f) {
        int count = 0;

        *f = (Fixture) { .supervisor_fd = -EBADF };
        ck_assert_int_eq(cgroup_manager_new_tree(NULL, &f->m), 0);
        ck_assert_int_eq(box_cgroup_new(f->m, 1000, "a", "test", &f->b), 0);
        ck_assert_int_eq(box_cgroup_attach(f->b, getpid(), -EBADF, count_attached, &count), 0);
        ck_assert_int_eq(count, 1);
        ck_assert_int_eq(box_cgroup_delegate(f->b, BOX_ROOT_UID, &f->supervisor_fd), 0);
        ck_assert_int_eq(box_cgroup_enable_controllers(f->b), 0);
}

static void fixture_end(Fixture *f) {
        _cleanup_free_ char *path = strdup(box_cgroup_get_path(f->b));

        f->supervisor_fd = safe_close(f->supervisor_fd);
        f->b = box_cgroup_free(f->b);
        ck_assert(!cgroup_exists(path));

        f->m = cgroup_manager_free(f->m);
        *strrchr(path, '/') = '\0';
        ck_assert(!cgroup_exists(path));
}

/* Who can open the directory could lock it, and no manager would ever get it again. */
static void check_closed_to_others(const char *box_path) {
        int status;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                int mount_fd = mount_open();
                char path[PATH_MAX];

                (void) snprintf(path, sizeof(path), "%.*s", (int) (strrchr(box_path, '/') - box_path), box_path);
                if (setresuid(65534, 65534, 65534) < 0)
                        _exit(EXIT_FAILURE);
                _exit(openat(mount_fd, path + 1, O_RDONLY) < 0 && errno == EACCES ? EXIT_SUCCESS : EXIT_FAILURE);
        }

        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
}

START_TEST(test_names) {
        _cleanup_(cgroup_manager_freep) CgroupManager *m = NULL;
        _cleanup_(box_cgroup_freep) BoxCgroup *a = NULL, *b = NULL, *c = NULL;

        ck_assert_int_eq(cgroup_manager_new_tree(NULL, &m), 0);
        ck_assert_str_eq(cgroup_manager_get_name(m), "tree");
        ck_assert_uint_eq(cgroup_manager_get_controllers(m), controllers);

        ck_assert_int_eq(box_cgroup_new(m, 1000, "x", "x", &a), 0);
        ck_assert_int_eq(box_cgroup_new(m, 1000, "x", "x", &b), -EEXIST);
        ck_assert_int_eq(box_cgroup_new(m, 1000, "../x", "x", &b), -EINVAL);
        ck_assert_int_eq(box_cgroup_new(m, 1000, "", "x", &b), -EINVAL);
        ck_assert_int_eq(box_cgroup_new(m, 1001, "x", "x", &b), 0);
        ck_assert_int_eq(box_cgroup_new(m, 1000, "x-1", "x", &c), 0);
        ck_assert_ptr_nonnull(endswith(box_cgroup_get_path(a), "/1000-x"));
        ck_assert(cgroup_exists(box_cgroup_get_path(a)));
        check_closed_to_others(box_cgroup_get_path(a));

        a = box_cgroup_free(a);
        ck_assert_int_eq(box_cgroup_new(m, 1000, "x", "x", &a), 0);
}
END_TEST

START_TEST(test_life) {
        RunCgroup *c = NULL, *d = NULL;
        uint64_t value, memory, processes;
        pid_t supervisor, program;
        usec_t cpu;
        CpuStat stat;
        Fixture f;

        fixture_start(&f);
        ck_assert_int_ge(box_cgroup_get_clone_fd(f.b), 0);

        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &d), -EEXIST);
        ck_assert_int_eq(run_cgroup_new(f.b, 2, &d), 0);

        supervisor = clone_sleeper(f.supervisor_fd);
        ck_assert_int_gt(supervisor, 0);
        program = clone_sleeper(run_cgroup_get_fd(c, RUN_CGROUP_DIR));
        ck_assert_int_gt(program, 0);

        ck_assert_int_ge(pread(run_cgroup_get_fd(c, RUN_CGROUP_PROCS), &(char[32]) {}, 32, 0), 2);
        ck_assert_int_eq(cgroup_read_cpu_stat(run_cgroup_get_fd(c, RUN_CGROUP_CPU_STAT), &stat), 0);
        ck_assert_uint_ne(stat.usage_usec, RESULT_UNKNOWN);
        ck_assert_uint_ne(stat.user_usec, RESULT_UNKNOWN);
        ck_assert_uint_ne(stat.system_usec, RESULT_UNKNOWN);
        ck_assert_int_eq(stat.throttled_usec == RESULT_UNKNOWN, !(controllers & CGROUP_CPU));

        ck_assert_int_eq(run_cgroup_get_fd(c, RUN_CGROUP_MEMORY_EVENTS) >= 0, !!(controllers & CGROUP_MEMORY));
        ck_assert_int_eq(run_cgroup_get_fd(c, RUN_CGROUP_MEMORY_STAT) >= 0, !!(controllers & CGROUP_MEMORY));
        ck_assert_int_eq(run_cgroup_get_fd(c, RUN_CGROUP_PIDS_EVENTS) >= 0, !!(controllers & CGROUP_PIDS));

        ck_assert_int_eq(box_cgroup_read_usage(f.b, &cpu, &memory, &processes), 0);
        ck_assert_uint_ne(cpu, RESULT_UNKNOWN);
        ck_assert_int_eq(memory == RESULT_UNKNOWN, !(controllers & CGROUP_MEMORY));
        ck_assert_uint_eq(processes, controllers & CGROUP_PIDS ? 2 : RESULT_UNKNOWN);

        /* The run's kill reaches the run only, the box's all that is left. */
        ck_assert_int_eq(write(run_cgroup_get_fd(c, RUN_CGROUP_KILL), "1", 1), 1);
        ck_assert_int_eq(wait_for(program), 1000 + SIGKILL);
        ck_assert_int_eq(kill(supervisor, 0), 0);
        ck_assert_int_eq(waitpid(supervisor, NULL, WNOHANG), 0);
        ck_assert_int_eq(cgroup_read_key(run_cgroup_get_fd(c, RUN_CGROUP_CPU_STAT), "usage_usec", &value), 0);

        c = run_cgroup_free(c);
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);

        ck_assert_int_eq(box_cgroup_kill(f.b), 0);
        ck_assert_int_eq(wait_for(supervisor), 1000 + SIGKILL);

        c = run_cgroup_free(c);
        d = run_cgroup_free(d);
        fixture_end(&f);
}
END_TEST

/* What judgebox-init, root in its box and nobody on the host, may do with the cgroups, and what not. */
static int act_as_box_root(void *userdata) {
        int *fds = userdata;
        pid_t pid;

        if (setresuid(BOX_ROOT_UID, BOX_ROOT_UID, BOX_ROOT_UID) < 0)
                return 10;

        pid = clone_sleeper(fds[0]);
        if (pid < 0)
                return 11;
        if (kill(pid, SIGKILL) < 0 || waitpid(pid, NULL, 0) != pid)
                return 12;

        if (faccessat(fds[0], "cgroup.subtree_control", W_OK, AT_EACCESS) >= 0 || errno != EACCES)
                return 13;
        if (faccessat(fds[0], "cgroup.max.descendants", W_OK, AT_EACCESS) >= 0 || errno != EACCES)
                return 14;
        if (mkdirat(fds[0], "mine", 0755) >= 0 || errno != EACCES)
                return 15;

        /* Nor into a cgroup that is not its box's. */
        if (clone_sleeper(fds[1]) != -EACCES)
                return 16;

        return 0;
}

START_TEST(test_delegation) {
        RunCgroup *c = NULL;
        Fixture f;
        int other_supervisor_fd, r;
        BoxCgroup *other;

        fixture_start(&f);
        ck_assert_int_eq(box_cgroup_new(f.m, 1001, "b", "other", &other), 0);
        ck_assert_int_eq(box_cgroup_delegate(other, BOX_ROOT_UID + 1, &other_supervisor_fd), 0);
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);

        r = clone_and_wait(
                        f.supervisor_fd,
                        act_as_box_root,
                        (int[]) { run_cgroup_get_fd(c, RUN_CGROUP_DIR), other_supervisor_fd });
        ck_assert_int_eq(r, 0);

        c = run_cgroup_free(c);
        (void) safe_close(other_supervisor_fd);
        other = box_cgroup_free(other);
        fixture_end(&f);
}
END_TEST

START_TEST(test_order_of_controllers) {
        int supervisor_fd;
        CgroupManager *m;
        BoxCgroup *b;
        pid_t pid;

        /* The launcher is in the box's own cgroup until judgebox-init is in supervisor/. */
        ck_assert_int_eq(cgroup_manager_new_tree(NULL, &m), 0);
        ck_assert_int_eq(box_cgroup_new(m, 1000, "a", "test", &b), 0);
        pid = clone_sleeper(box_cgroup_get_clone_fd(b));
        ck_assert_int_gt(pid, 0);
        ck_assert_int_eq(box_cgroup_delegate(b, BOX_ROOT_UID, &supervisor_fd), 0);
        (void) safe_close(supervisor_fd);

        ck_assert_int_eq(box_cgroup_enable_controllers(b), controllers ? -EBUSY : 0);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(wait_for(pid), 1000 + SIGKILL);
        ck_assert_int_eq(box_cgroup_enable_controllers(b), 0);

        b = box_cgroup_free(b);
        m = cgroup_manager_free(m);
}
END_TEST

START_TEST(test_leftovers) {
        _cleanup_free_ char *path = NULL;
        RunCgroup *c = NULL;
        pid_t pid;
        Fixture f;

        /* A process that outlives its run: nothing is removed from under it, the name stays taken. */
        fixture_start(&f);
        path = strdup(box_cgroup_get_path(f.b));
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);
        pid = clone_sleeper(run_cgroup_get_fd(c, RUN_CGROUP_DIR));
        ck_assert_int_gt(pid, 0);

        c = run_cgroup_free(c);
        f.supervisor_fd = safe_close(f.supervisor_fd);
        f.b = box_cgroup_free(f.b);
        ck_assert(cgroup_exists(path));
        ck_assert_int_eq(box_cgroup_new(f.m, 1000, "a", "again", &f.b), -EEXIST);

        /* Once it is gone the name can be had again. */
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(wait_for(pid), 1000 + SIGKILL);
        ck_assert_int_eq(box_cgroup_new(f.m, 1000, "a", "again", &f.b), 0);
        fixture_end(&f);
}
END_TEST

START_TEST(test_release) {
        _cleanup_free_ char *path = NULL, *run_path = NULL;
        RunCgroup *c = NULL;
        Fixture f;

        fixture_start(&f);
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);
        ck_assert_ptr_nonnull((path = strdup(box_cgroup_get_path(f.b))));
        ck_assert_ptr_nonnull((run_path = strprintf("%s/run-1", path)));
        c = run_cgroup_release(c);
        f.supervisor_fd = safe_close(f.supervisor_fd);
        f.b = box_cgroup_release(f.b);
        ck_assert(cgroup_exists(run_path));
        f.m = cgroup_manager_free(f.m);
        ck_assert(!cgroup_exists(path));
}
END_TEST

START_TEST(test_end_kills) {
        _cleanup_free_ char *path = NULL;
        RunCgroup *c = NULL;
        pid_t pid;
        Fixture f;

        fixture_start(&f);
        path = strdup(box_cgroup_get_path(f.b));
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);
        pid = clone_sleeper(run_cgroup_get_fd(c, RUN_CGROUP_DIR));
        ck_assert_int_gt(pid, 0);
        c = run_cgroup_free(c);
        f.supervisor_fd = safe_close(f.supervisor_fd);
        f.b = box_cgroup_free(f.b);
        f.m = cgroup_manager_free(f.m);

        ck_assert_int_eq(wait_for(pid), 1000 + SIGKILL);
        ck_assert(!cgroup_exists(path));
}
END_TEST

static int die_with_a_box(void *userdata) {
        CgroupManager *m;
        BoxCgroup *b;
        int fd = *(int *) userdata;

        if (cgroup_manager_new_tree(NULL, &m) < 0 || box_cgroup_new(m, 1000, "a", "test", &b) < 0)
                return 1;

        if (clone_sleeper(box_cgroup_get_clone_fd(b)) < 0)
                return 2;

        return write(fd, box_cgroup_get_path(b), strlen(box_cgroup_get_path(b))) < 0 ? 3 : 0;
}

START_TEST(test_crash) {
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        CgroupManager *alive, *m;
        char path[256] = "";
        BoxCgroup *b;

        ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);

        /* One manager lives, one dies and leaves a box with a process: the next takes only the dead one's away. */
        ck_assert_int_eq(cgroup_manager_new_tree(NULL, &alive), 0);
        ck_assert_int_eq(box_cgroup_new(alive, 1000, "a", "test", &b), 0);

        ck_assert_int_eq(clone_and_wait(-EBADF, die_with_a_box, &p[1]), 0);
        ck_assert_int_gt(read(p[0], path, sizeof(path) - 1), 0);

        ck_assert_int_eq(cgroup_manager_new_tree(NULL, &m), 0);
        ck_assert(!cgroup_exists(path));
        ck_assert(cgroup_exists(box_cgroup_get_path(b)));
        ck_assert_int_eq(wait_for(-1), 1000 + SIGKILL);

        b = box_cgroup_free(b);
        m = cgroup_manager_free(m);
        alive = cgroup_manager_free(alive);
}
END_TEST

/* A box and a run of it go on without their manager, and the next one has them; what it does not want goes. */
START_TEST(test_lasting) {
        _cleanup_(cgroup_manager_freep) CgroupManager *m = NULL, *next = NULL;
        _cleanup_free_ char *name = strprintf("test-lasting-%i", getpid()), *path = NULL, *directory = NULL;
        _cleanup_close_ int supervisor_fd = -EBADF;
        BoxCgroup *a = NULL, *stray = NULL;
        RunCgroup *run = NULL;
        uint64_t *numbers;
        int count = 0;
        size_t n;

        ck_assert_int_eq(cgroup_manager_new_lasting_tree(NULL, name, &m), 0);
        ck_assert_int_eq(cgroup_manager_new_lasting_tree(NULL, name, &next), -EBUSY);
        ck_assert_int_eq(box_cgroup_adopt(m, 1000, "a", &a), -ENOENT);

        ck_assert_int_eq(box_cgroup_new(m, 1000, "stray", "test", &stray), 0);
        ck_assert_int_eq(box_cgroup_new(m, 1000, "a", "test", &a), 0);
        ck_assert_int_eq(box_cgroup_attach(a, getpid(), -EBADF, count_attached, &count), 0);
        ck_assert_int_eq(box_cgroup_delegate(a, BOX_ROOT_UID, &supervisor_fd), 0);
        ck_assert_int_eq(box_cgroup_enable_controllers(a), 0);
        ck_assert_int_eq(run_cgroup_new(a, 7, &run), 0);
        directory = strndup(box_cgroup_get_path(a), (size_t) (strrchr(box_cgroup_get_path(a), '/') - box_cgroup_get_path(a)));
        ck_assert_ptr_nonnull(directory);
        run = run_cgroup_release(run);
        a = box_cgroup_release(a);
        stray = box_cgroup_release(stray);
        m = cgroup_manager_free(m);

        /* As an older one left it. */
        {
                _cleanup_close_ int mount_fd = mount_open();

                ck_assert_int_eq(fchmodat(mount_fd, directory + 1, 0755, 0), 0);
        }
        ck_assert_int_eq(cgroup_manager_new_lasting_tree(NULL, name, &next), 0);
        ck_assert_int_eq(box_cgroup_adopt(next, 1000, "a", &a), 0);
        check_closed_to_others(box_cgroup_get_path(a));
        ck_assert_int_eq(box_cgroup_list_runs(a, &numbers, &n), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(numbers[0], 7);
        free(numbers);
        ck_assert_int_eq(run_cgroup_adopt(a, 7, &run), 0);

        /* One that was never delegated has nothing to adopt. */
        ck_assert_int_eq(box_cgroup_adopt(next, 1000, "stray", &stray), -ENODATA);
        path = strprintf("%s/1000-b", directory);
        {
                _cleanup_close_ int mount_fd = mount_open();

                ck_assert_int_eq(mkdirat(mount_fd, path + 1, 0755), 0);
        }
        ck_assert_int_ge(cgroup_manager_kill_strays(next), 1);
        ck_assert(!cgroup_exists(path));
        ck_assert(cgroup_exists(box_cgroup_get_path(a)));

        run = run_cgroup_free(run);
        a = box_cgroup_free(a);
        next = cgroup_manager_free(next);
        ck_assert(!cgroup_exists(directory));
}
END_TEST

START_TEST(test_path) {
        _cleanup_close_ int mount_fd = mount_open();
        CgroupManager *m;
        BoxCgroup *b;

        ck_assert_int_eq(cgroup_manager_new_tree("judgebox-test-nowhere", &m), -ENOENT);
        ck_assert_int_eq(cgroup_manager_new_tree("../..", &m), -EXDEV);
        ck_assert_int_eq(cgroup_manager_new_tree("cgroup.procs", &m), -ENOTDIR);

        ck_assert(mkdirat(mount_fd, "judgebox-test-path", 0755) >= 0 || errno == EEXIST);
        for (size_t i = 0; i < 2; i++) {
                ck_assert_int_eq(cgroup_manager_new_tree(i == 0 ? "judgebox-test-path" : "/judgebox-test-path", &m), 0);
                ck_assert_int_eq(box_cgroup_new(m, 1, "x", "x", &b), 0);
                ck_assert_ptr_nonnull(startswith(box_cgroup_get_path(b), "/judgebox-test-path/judgebox-"));
                b = box_cgroup_free(b);
                m = cgroup_manager_free(m);
        }
        ck_assert_int_eq(unlinkat(mount_fd, "judgebox-test-path", AT_REMOVEDIR), 0);
}
END_TEST

static int manage_from_delegated(void *userdata) {
        const char *place = userdata;
        CgroupManager *m;
        BoxCgroup *b;
        int r;

        if (cgroup_manager_new_tree(NULL, &m) < 0)
                return 10;
        if (box_cgroup_new(m, 1, "x", "x", &b) < 0)
                return 11;
        r = startswith(box_cgroup_get_path(b), place) ? 0 : 12;
        if (cgroup_manager_get_controllers(m) != controllers)
                r = 13;

        b = box_cgroup_free(b);
        m = cgroup_manager_free(m);
        return r;
}

/* In a cgroup that was delegated, or below one: boxes are made in the nearest such, and it is emptied if it must be. */
START_TEST(test_delegated) {
        _cleanup_close_ int mount_fd = mount_open(), top_fd = -EBADF, sub_fd = -EBADF;
        CgroupController enabled;
        pid_t pid;

        (void) cgroup_dir_remove(mount_fd, "judgebox-test");
        ck_assert_int_eq(cgroup_dir_enable(mount_fd, _CGROUP_CONTROLLERS_ALL, &enabled), 0);
        ck_assert_int_eq(mkdirat(mount_fd, "judgebox-test", 0755), 0);
        ck_assert_int_eq(mkdirat(mount_fd, "judgebox-test/sub", 0755), 0);
        top_fd = cgroup_dir_open(mount_fd, "judgebox-test", O_RDONLY);
        ck_assert_int_ge(top_fd, 0);
        sub_fd = cgroup_dir_open(mount_fd, "judgebox-test/sub", O_RDONLY);
        ck_assert_int_ge(sub_fd, 0);

        /* Not delegated: the root it is. */
        ck_assert_int_eq(clone_and_wait(sub_fd, manage_from_delegated, (char *) "/judgebox-test"), 12);

        ck_assert_int_eq(fsetxattr(sub_fd, "user.delegate", "0", 1, 0), 0);
        ck_assert_int_eq(fsetxattr(top_fd, "user.delegate", "1", 1, 0), 0);
        ck_assert_int_eq(clone_and_wait(top_fd, manage_from_delegated, (char *) "/judgebox-test/judgebox-"), 0);
        ck_assert_int_eq(clone_and_wait(sub_fd, manage_from_delegated, (char *) "/judgebox-test/judgebox-"), 0);

        /* With somebody else in it, who has to move for the controllers to be enabled. */
        ck_assert_int_eq(cgroup_dir_remove(mount_fd, "judgebox-test/sub"), 0);
        ck_assert_int_eq(mkdirat(mount_fd, "judgebox-test/sub", 0755), 0);
        sub_fd = safe_close(sub_fd);
        sub_fd = cgroup_dir_open(mount_fd, "judgebox-test/sub", O_RDONLY);
        ck_assert_int_ge(sub_fd, 0);
        ck_assert_int_eq(fsetxattr(sub_fd, "trusted.delegate", "1", 1, 0), 0);
        pid = clone_sleeper(sub_fd);
        ck_assert_int_gt(pid, 0);
        ck_assert_int_eq(clone_and_wait(sub_fd, manage_from_delegated, (char *) "/judgebox-test/sub/judgebox-"), 0);
        if (controllers) {
                assert_file(sub_fd, "cgroup.procs", "");
                ck_assert_int_eq(faccessat(sub_fd, "judgebox-leaf", F_OK, 0), 0);
        }
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(wait_for(pid), 1000 + SIGKILL);

        ck_assert_int_eq(cgroup_dir_remove(mount_fd, "judgebox-test"), 0);
}
END_TEST

START_TEST(test_no_controllers) {
        _cleanup_(limits_done) Limits l = LIMITS_NULL;
        RunCgroup *c = NULL;
        Fixture f;

        /* Nothing to write to: the caller knows from the manager's controllers, and decides. */
        fixture_start(&f);
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);
        limits_set(&l, LIMIT_MEMORY, 1 << 20);
        limits_set(&l, LIMIT_PROCESSES, 1);
        ck_assert_ptr_nonnull((l.cpu_set = strdup("0")));
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), 0);
        ck_assert_int_eq(run_cgroup_get_fd(c, RUN_CGROUP_MEMORY_PEAK), -EBADF);
        ck_assert_int_eq(run_cgroup_get_fd(c, RUN_CGROUP_PIDS_PEAK), -EBADF);
        c = run_cgroup_free(c);
        fixture_end(&f);
}
END_TEST

START_TEST(test_limits_land) {
        _cleanup_(limits_done) Limits l = LIMITS_NULL;
        RunCgroup *c = NULL;
        long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
        char beyond[32];
        Fixture f;
        int dir_fd;

        fixture_start(&f);
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);
        dir_fd = run_cgroup_get_fd(c, RUN_CGROUP_DIR);

        /* Given: exactly so. Not given: none. */
        limits_set(&l, LIMIT_MEMORY, 64 << 20);
        limits_set(&l, LIMIT_PROCESSES, 7);
        limits_set(&l, LIMIT_CPUS, 1);
        ck_assert_ptr_nonnull((l.cpu_set = strdup("0")));
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), 0);
        assert_file(dir_fd, "memory.max", "67108864\n");
        assert_file(dir_fd, "memory.oom.group", "1\n");
        assert_file(dir_fd, "pids.max", "7\n");
        assert_file(dir_fd, "cpu.max", n_cpus > 1 ? "100000 100000\n" : "max 100000\n");
        assert_file(dir_fd, "cpuset.cpus", "0\n");
        assert_file(dir_fd, "cpuset.cpus.effective", "0\n");
        if (faccessat(dir_fd, "memory.swap.max", F_OK, 0) >= 0)
                assert_file(dir_fd, "memory.swap.max", "0\n");

        /* The same again is no write at all. */
        ck_assert_int_eq(write_string_file_at(dir_fd, "memory.max", "1048576"), 0);
        ck_assert_int_eq(write_string_file_at(dir_fd, "pids.max", "5"), 0);
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), 0);
        assert_file(dir_fd, "memory.max", "1048576\n");
        assert_file(dir_fd, "pids.max", "5\n");

        /* Others are written, in both directions, and taken away again. */
        limits_set(&l, LIMIT_MEMORY, 128 << 20);
        limits_set(&l, LIMIT_PROCESSES, 3);
        limits_set(&l, LIMIT_CPUS, 4096);
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), 0);
        assert_file(dir_fd, "memory.max", "134217728\n");
        assert_file(dir_fd, "pids.max", "3\n");
        assert_file(dir_fd, "cpu.max", "max 100000\n");

        /* Of a number of CPUs and a share the lower one holds. */
        limits_set(&l, LIMIT_CPU_PERCENT, 50);
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), 0);
        assert_file(dir_fd, "cpu.max", "50000 100000\n");

        limits_done(&l);
        l = LIMITS_NULL;
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), 0);
        assert_file(dir_fd, "memory.max", "max\n");
        assert_file(dir_fd, "pids.max", "max\n");
        assert_file(dir_fd, "cpuset.cpus", "\n");

        /* CPUs that are not there: said, also when asked for once more. */
        (void) snprintf(beyond, sizeof(beyond), "0,%li", n_cpus);
        ck_assert_ptr_nonnull((l.cpu_set = strdup(beyond)));
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), -ENXIO);
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), -ENXIO);

        /* CPUs that are there, but which the box has not: the kernel takes them and gives others. */
        if (n_cpus > 1) {
                _cleanup_close_ int box_fd = box_dir(f.b);

                ck_assert_int_eq(write_string_file_at(box_fd, "cpuset.cpus", "0"), 0);
                ck_assert_int_eq(free_and_strdup(&l.cpu_set, "1"), 0);
                ck_assert_int_eq(run_cgroup_set_limits(c, &l), -ENXIO);
        }

        c = run_cgroup_free(c);
        fixture_end(&f);
}
END_TEST

/* Touches as many MiB as it is told. */
static int use_memory(void *userdata) {
        size_t size = *(size_t *) userdata << 20;
        uint8_t *p;

        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return 1;
        for (size_t i = 0; i < size; i += 4096)
                p[i] = 1;

        return 0;
}

START_TEST(test_memory_limit) {
        _cleanup_(limits_done) Limits l = LIMITS_NULL;
        RunCgroup *c = NULL;
        uint64_t value;
        Fixture f;
        int dir_fd, events_fd;

        fixture_start(&f);
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);
        dir_fd = run_cgroup_get_fd(c, RUN_CGROUP_DIR);
        events_fd = run_cgroup_get_fd(c, RUN_CGROUP_MEMORY_EVENTS);
        limits_set(&l, LIMIT_MEMORY, 32 << 20);
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), 0);

        ck_assert_int_eq(clone_and_wait(dir_fd, use_memory, &(size_t) { 8 }), 0);
        ck_assert_int_eq(cgroup_read_key(events_fd, "oom_kill", &value), 0);
        ck_assert_uint_eq(value, 0);

        ck_assert_int_eq(clone_and_wait(dir_fd, use_memory, &(size_t) { 64 }), 1000 + SIGKILL);
        ck_assert_int_eq(cgroup_read_key(events_fd, "oom_kill", &value), 0);
        ck_assert_uint_ge(value, 1);
        ck_assert_int_eq(cgroup_read_key(events_fd, "oom_group_kill", &value), 0);
        ck_assert_uint_eq(value, 1);

        if (run_cgroup_get_fd(c, RUN_CGROUP_MEMORY_PEAK) >= 0) {
                ck_assert_int_eq(cgroup_read_uint64(run_cgroup_get_fd(c, RUN_CGROUP_MEMORY_PEAK), &value), 0);
                ck_assert_uint_le(value, 32 << 20);
                ck_assert_uint_ge(value, 28 << 20);
        }

        c = run_cgroup_free(c);
        fixture_end(&f);
}
END_TEST

static int fork_until_refused(void *userdata) {
        int n = 1;

        for (; n < 100; n++)
                if (clone_sleeper(-EBADF) < 0)
                        break;

        return n;
}

START_TEST(test_process_limit) {
        _cleanup_(limits_done) Limits l = LIMITS_NULL;
        RunCgroup *c = NULL;
        uint64_t value;
        Fixture f;

        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        fixture_start(&f);
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);
        limits_set(&l, LIMIT_PROCESSES, 5);
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), 0);

        ck_assert_int_eq(clone_and_wait(run_cgroup_get_fd(c, RUN_CGROUP_DIR), fork_until_refused, NULL), 5);
        ck_assert_int_eq(cgroup_read_key(run_cgroup_get_fd(c, RUN_CGROUP_PIDS_EVENTS), "max", &value), 0);
        ck_assert_uint_eq(value, 1);
        if (run_cgroup_get_fd(c, RUN_CGROUP_PIDS_PEAK) >= 0) {
                ck_assert_int_eq(cgroup_read_uint64(run_cgroup_get_fd(c, RUN_CGROUP_PIDS_PEAK), &value), 0);
                ck_assert_uint_eq(value, 5);
        }

        /* Its children are ours now. */
        ck_assert_int_eq(box_cgroup_kill(f.b), 0);
        for (int i = 1; i < 5; i++)
                ck_assert_int_eq(wait_for(-1), 1000 + SIGKILL);
        c = run_cgroup_free(c);
        fixture_end(&f);
}
END_TEST

static int count_cpus(void *userdata) {
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) < 0 ? 100 : CPU_COUNT(&set);
}

START_TEST(test_cpu_set) {
        _cleanup_(limits_done) Limits l = LIMITS_NULL;
        RunCgroup *c = NULL;
        Fixture f;

        fixture_start(&f);
        ck_assert_int_eq(run_cgroup_new(f.b, 1, &c), 0);
        ck_assert_ptr_nonnull((l.cpu_set = strdup("0")));
        ck_assert_int_eq(run_cgroup_set_limits(c, &l), 0);
        ck_assert_int_eq(clone_and_wait(run_cgroup_get_fd(c, RUN_CGROUP_DIR), count_cpus, NULL), 1);
        c = run_cgroup_free(c);
        fixture_end(&f);
}
END_TEST

int main(void) {
        CgroupManager *m;
        TCase *c, *l;
        int r;
        Suite *s;

        if (geteuid() != 0) {
                printf("SKIP: cgroup-tree: not root\n");
                return 77;
        }
        r = cgroup_manager_new_tree(NULL, &m);
        if (IN_SET(r, -EOPNOTSUPP, -EROFS)) {
                printf("SKIP: cgroup-tree: no cgroup2 that can be written to\n");
                return 77;
        }
        if (r >= 0) {
                controllers = cgroup_manager_get_controllers(m);
                (void) cgroup_manager_free(m);
        }

        s = suite_create("cgroup-tree");
        c = tcase_create("tree");
        l = tcase_create("limits");
        suite_add_tcase(s, c);
        suite_add_tcase(s, l);

        tcase_add_test(c, test_names);
        tcase_add_test(c, test_life);
        tcase_add_test(c, test_delegation);
        tcase_add_test(c, test_order_of_controllers);
        tcase_add_test(c, test_leftovers);
        tcase_add_test(c, test_release);
        tcase_add_test(c, test_end_kills);
        tcase_add_test(c, test_crash);
        tcase_add_test(c, test_lasting);
        tcase_add_test(c, test_path);
        tcase_add_test(c, test_delegated);

        if (controllers == 0)
                tcase_add_test(c, test_no_controllers);
        if (controllers == _CGROUP_CONTROLLERS_ALL) {
                tcase_add_test(l, test_limits_land);
                tcase_add_test(l, test_memory_limit);
                tcase_add_test(l, test_process_limit);
                tcase_add_test(l, test_cpu_set);
        } else
                printf("SKIP: cgroup-tree limits: cgroup2 here lacks memory, pids, cpu or cpuset\n");

        return test_run_suite(s);
}
