/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fd-util.h"
#include "idmap.h"
#include "test-util.h"

#define TENANT ((uid_t) 4711)
#define GROUP ((gid_t) 815)
#define OTHER ((uid_t) 4712)
#define BOX ((uid_t) 0x7fff0001)
#define NOBODY ((uid_t) 65534)

static char directory[] = "/tmp/test-idmap-XXXXXX";
static int directory_fd, mount_fd;
static size_t n_fds;

static void make_file(const char *name, uid_t uid, gid_t gid, mode_t mode) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fchmod(fd, mode), 0);
        ck_assert_int_eq(fchown(fd, uid, gid), 0);
}

static void setup(void) {
        ck_assert_ptr_nonnull(mkdtemp(directory));
        directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(directory_fd, 0);
        ck_assert_int_eq(fchown(directory_fd, TENANT, GROUP), 0);

        mount_fd = open_tree(directory_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        ck_assert_int_ge(mount_fd, 0);
        n_fds = test_count_fds();
}

static void teardown(void) {
        char command[64];

        /* No process and no descriptor of ours is left of a mapping. */
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
        ck_assert_int_eq(errno, ECHILD);
        ck_assert_uint_eq(test_count_fds(), n_fds);

        ck_assert_int_eq(close(mount_fd), 0);
        ck_assert_int_eq(close(directory_fd), 0);
        (void) snprintf(command, sizeof(command), "rm -r %s", directory);
        ck_assert_int_eq(system(command), 0);
        memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
}

static void map(gid_t gid) {
        _cleanup_close_ int fd = -EBADF;

        ck_assert_int_eq(idmap_new(TENANT, gid, BOX, &fd), 0);
        ck_assert_int_eq(idmap_apply(fd, mount_fd), 0);
}

static void assert_owner(int dir_fd, const char *name, uid_t uid, gid_t gid) {
        struct stat st;

        ck_assert_int_eq(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        ck_assert_msg(st.st_uid == uid && st.st_gid == gid, "%s is of %u:%u, not %u:%u", name, st.st_uid, st.st_gid, uid, gid);
}

/* What the function returns in a process that is the box's program as far as files go. */
static int in_box(int (*function)(void)) {
        int status;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (setgroups(0, NULL) < 0 || setresgid(BOX, BOX, BOX) < 0 || setresuid(BOX, BOX, BOX) < 0)
                        _exit(255);
                _exit(function());
        }

        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* Wherever the group is, as seen from the box's: each is its own case of the ranges around the two. */
START_TEST(test_owners) {
        static const gid_t gids[] = { 0, 1, GROUP, NOBODY, BOX - 1, BOX, BOX + 1, UINT32_MAX - 1 };
        gid_t gid = gids[_i], other = gid == GROUP + 1 ? GROUP + 2 : GROUP + 1;

        make_file("mine", TENANT, gid, 0600);
        make_file("my-group", TENANT, other, 0600);
        make_file("others", OTHER, gid, 0600);
        make_file("roots", 0, other, 0600);
        map(gid);

        assert_owner(mount_fd, "mine", BOX, BOX);
        assert_owner(mount_fd, "my-group", BOX, other);
        assert_owner(mount_fd, "others", NOBODY, BOX);
        assert_owner(mount_fd, "roots", NOBODY, other);

        /* The files are what they were. */
        assert_owner(directory_fd, "mine", TENANT, gid);
        assert_owner(directory_fd, "roots", 0, other);
}
END_TEST

static int create_files(void) {
        _cleanup_close_ int fd = openat(mount_fd, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        return fd < 0 || mkdirat(mount_fd, "directory", 0700) < 0 || fchownat(mount_fd, "new", OTHER, OTHER, 0) >= 0;
}

/* What the program makes is the tenant's, and it can give it to nobody. */
START_TEST(test_new_files) {
        map(GROUP);
        ck_assert_int_eq(in_box(create_files), 0);
        assert_owner(directory_fd, "new", TENANT, GROUP);
        assert_owner(directory_fd, "directory", TENANT, GROUP);
        assert_owner(mount_fd, "new", BOX, BOX);
}
END_TEST

static int may_open(const char *name, int flags) {
        _cleanup_close_ int fd = openat(mount_fd, name, flags | O_CLOEXEC);

        return fd >= 0;
}

static int open_files(void) {
        return may_open("mine", O_RDWR) << 0 | may_open("roots", O_RDONLY) << 1 | may_open("groups", O_RDONLY) << 2 |
                may_open("public", O_RDONLY) << 3 | may_open("public", O_WRONLY) << 4;
}

/* To its tenant's files it has their rights, to others' those of others. */
START_TEST(test_rights) {
        make_file("mine", TENANT, GROUP, 0600);
        make_file("roots", 0, 0, 0600);
        make_file("groups", OTHER, GROUP + 1, 0660);
        make_file("public", 0, 0, 0644);
        map(GROUP);
        ck_assert_int_eq(in_box(open_files), 1 << 0 | 1 << 3);
}
END_TEST

START_TEST(test_refused) {
        _cleanup_close_ int fd = -EBADF, proc_fd = -EBADF;

        ck_assert_int_eq(idmap_new(TENANT, GROUP, BOX, &fd), 0);
        ck_assert_int_eq(idmap_apply(fd, mount_fd), 0);
        ck_assert_int_eq(idmap_apply(fd, mount_fd), -EPERM);

        proc_fd = open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        ck_assert_int_ge(proc_fd, 0);
        ck_assert_int_eq(idmap_apply(fd, proc_fd), -EINVAL);

        /* None is an id, and none can be mapped. */
        ck_assert_int_lt(idmap_new((uid_t) -1, GROUP, BOX, &proc_fd), 0);
}
END_TEST

/* Not every file system can: what those are told that have such a one is refuse_bind()'s. */
static bool can_map(const char *path) {
        _cleanup_close_ int tree_fd = -EBADF, fd = -EBADF;

        tree_fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        return tree_fd >= 0 && idmap_new(TENANT, GROUP, BOX, &fd) >= 0 && idmap_apply(fd, tree_fd) != -EINVAL;
}

int main(void) {
        Suite *s;
        TCase *c;

        if (geteuid() != 0) {
                printf("SKIP: idmap: not root\n");
                return 77;
        }
        if (!can_map("/tmp")) {
                printf("SKIP: idmap: the file system of /tmp cannot map owners\n");
                return 77;
        }

        s = suite_create("idmap");
        c = tcase_create("idmap");
        tcase_add_checked_fixture(c, setup, teardown);
        tcase_add_loop_test(c, test_owners, 0, 8);
        tcase_add_test(c, test_new_files);
        tcase_add_test(c, test_rights);
        tcase_add_test(c, test_refused);
        suite_add_tcase(s, c);

        return test_run_suite(s);
}
