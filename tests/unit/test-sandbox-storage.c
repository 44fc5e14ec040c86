/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <dirent.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "box-fixture.h"
#include "fd-util.h"
#include "string-util.h"

static BoxSettings settings;

static void setup(void) {
        box_settings_init(&settings);
        settings.storage_bytes = 8 << 20;
        settings.inodes = 1000;
}

static void teardown(void) {
        box_settings_done(&settings);
}

/* Writes until there is no more room; returns how much that was. */
static uint64_t fill(const char *path) {
        static const char block[65536];
        uint64_t total = 0;
        int fd;

        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        EXPECT(fd >= 0);

        for (;;) {
                ssize_t n;

                n = write(fd, block, sizeof(block));
                if (n < 0) {
                        EXPECT_INT(errno, ENOSPC);
                        break;
                }
                total += (uint64_t) n;
        }

        close(fd);
        return total;
}

/* Makes empty files, by turns in these directories, until there is no more room. */
static unsigned fill_inodes(const char *const *directories) {
        for (unsigned i = 0;; i++) {
                char path[64];
                int fd;

                (void) snprintf(path, sizeof(path), "%s/%u", directories[i % strv_length((char **) directories)], i);
                fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
                if (fd < 0) {
                        EXPECT_INT(errno, ENOSPC);
                        return i;
                }
                close(fd);
        }
}

static void expect_empty(const char *path) {
        struct dirent *d;
        DIR *dir;

        dir = opendir(path);
        EXPECT(dir);
        while ((d = readdir(dir)))
                if (!streq(d->d_name, ".") && !streq(d->d_name, "..")) {
                        fprintf(stderr, "%s/%s is still there\n", path, d->d_name);
                        EXPECT(false);
                }
        closedir(dir);
}

static void expect_directory(const char *path, uid_t uid, mode_t mode) {
        char names[256];
        struct stat st;
        ssize_t n;
        int fd, flags;

        expect_empty(path);

        EXPECT(stat(path, &st) >= 0);
        EXPECT_INT(st.st_uid, uid);
        EXPECT_INT(st.st_gid, uid);
        EXPECT_INT(st.st_mode & 07777, mode);
        EXPECT(st.st_mtime > 1000000000 && st.st_atime > 1000000000);

        n = listxattr(path, names, sizeof(names));
        EXPECT(n < 0 || n == 0 || startswith(names, "security."));

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        EXPECT(fd >= 0);
        EXPECT(ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || flags == 0);
        close(fd);
}

static void expect_new(const Root *root) {
        uint64_t bytes, inodes;

        expect_directory("/box", BOX_UID, 0755);
        expect_directory("/tmp", 0, 01777);
        expect_directory("/dev/shm", 0, 01777);

        EXPECT_INT(root_usage(root, &bytes, &inodes), 0);
        EXPECT_INT(bytes, 0);
        EXPECT_INT(inodes, 0);
}

static void remember_box(ino_t *ret_inode) {
        struct stat st;

        EXPECT(stat("/box", &st) >= 0);
        *ret_inode = st.st_ino;
}

/* Limits */

static void bytes_inside(void *userdata) {
        uint64_t total;
        int fd;

        fd = open("/box/a", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        EXPECT(posix_fallocate(fd, 0, 3 << 20) == 0);
        close(fd);
        fd = open("/tmp/b", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        EXPECT(posix_fallocate(fd, 0, 3 << 20) == 0);
        close(fd);

        total = (6 << 20) + fill("/dev/shm/c");
        EXPECT_INT(total, 8 << 20);
        EXPECT_INT(fill("/box/d"), 0);
        EXPECT_INT(fill("/tmp/e"), 0);

        EXPECT(unlink("/tmp/b") >= 0);
        EXPECT_INT(fill("/dev/shm/f"), 3 << 20);
}

static void bytes(Root *root, void *userdata) {
        uint64_t used, inodes;

        EXPECT(fixture_as_program(bytes_inside, NULL));
        EXPECT_INT(root_usage(root, &used, &inodes), 0);
        EXPECT_INT(used, 8 << 20);
        EXPECT_INT(inodes, 5);
}

START_TEST(test_bytes) {
        ck_assert(fixture_run(&settings, bytes, NULL));
}
END_TEST

static void inodes_inside(void *userdata) {
        static const char *const directories[] = { "/box", "/tmp", "/dev/shm", NULL };

        EXPECT_INT(fill_inodes(directories), 1000);
}

static void inodes(Root *root, void *userdata) {
        uint64_t used, n;

        EXPECT(fixture_as_program(inodes_inside, NULL));
        EXPECT_INT(root_usage(root, &used, &n), 0);
        EXPECT_INT(n, 1000);
        EXPECT_INT(root_reset(root), 0);
        expect_new(root);
        EXPECT(fixture_as_program(inodes_inside, NULL));
}

START_TEST(test_inodes) {
        ck_assert(fixture_run(&settings, inodes, NULL));
}
END_TEST

/* To tmpfs 0 is no limit, and so is what wraps to 0. */
START_TEST(test_no_limit) {
        static const uint64_t bad[] = { 0, UINT64_MAX, UINT64_MAX - 4095, UINT64_C(1) << 63 };
        Step step;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                settings.storage_bytes = bad[i];
                settings.inodes = 1000;
                ck_assert_int_eq(fixture_fail(&settings, &step), -ERANGE);
                ck_assert_int_eq(step, STEP_MOUNT);

                settings.storage_bytes = 8 << 20;
                settings.inodes = bad[i];
                ck_assert_int_eq(fixture_fail(&settings, &step), -ERANGE);
                ck_assert_int_eq(step, STEP_MOUNT);
        }
}
END_TEST

/* A program can find out nothing about what lies beside its directories, nor reach it. */
static void hidden_inside(void *userdata) {
        EXPECT_ERRNO(access("/box/../trash", F_OK), ENOENT);
        EXPECT_ERRNO(access("/box/trash", F_OK), ENOENT);
        EXPECT_ERRNO(access("/tmp/../trash", F_OK), ENOENT);
        EXPECT_ERRNO(rename("/box", "/other"), EROFS);
        EXPECT_ERRNO(rmdir("/tmp"), EROFS);
}

static void hidden(Root *root, void *userdata) {
        EXPECT(fixture_as_program(hidden_inside, NULL));
}

START_TEST(test_hidden) {
        ck_assert(fixture_run(&settings, hidden, NULL));
}
END_TEST

/* A set-user-ID file of the box's root, as only judgebox-init could make one here. */
static void suid_inside(void *userdata) {
        EXPECT_INT(fixture_execute_suid("/box/id"), BOX_UID);
}

static void suid(Root *root, void *userdata) {
        fixture_make_suid("/box/id", 0);
        EXPECT(fixture_as_program(suid_inside, NULL));
}

START_TEST(test_suid) {
        ck_assert(fixture_run(&settings, suid, NULL));
}
END_TEST

/* Reset */

static void litter_little(void *userdata) {
        for (unsigned i = 0; i < 10; i++) {
                char path[64];

                (void) snprintf(path, sizeof(path), "/box/file-%u", i);
                fixture_write(path, "something\n");
        }
}

static void reset_little(Root *root, void *userdata) {
        ino_t before, after;

        remember_box(&before);
        for (unsigned i = 0; i < 3; i++) {
                EXPECT(fixture_as_program(litter_little, NULL));
                EXPECT_INT(root_reset(root), 0);
                expect_new(root);
        }

        /* Nothing was mounted for it. */
        remember_box(&after);
        EXPECT(before == after);
}

START_TEST(test_reset_little) {
        ck_assert(fixture_run(&settings, reset_little, NULL));
}
END_TEST

static void litter_oddly(void *userdata) {
        struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "/tmp/socket" };
        int fd;

        EXPECT(mkdir("/box/closed", 0700) >= 0);
        EXPECT(mkdir("/box/closed/inner", 0700) >= 0);
        fixture_write("/box/closed/inner/file", "x");
        EXPECT(chmod("/box/closed/inner/file", 0) >= 0);
        EXPECT(chmod("/box/closed/inner", 0) >= 0);
        EXPECT(chmod("/box/closed", 0) >= 0);
        EXPECT(mkdir("/box/a\nb\xff", 0555) >= 0);
        EXPECT(symlink("/usr", "/box/link") >= 0);
        EXPECT(symlink("loop", "/box/loop") >= 0);
        EXPECT(mkfifo("/tmp/fifo", 0600) >= 0);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT(bind(fd, (struct sockaddr *) &sun, sizeof(sun)) >= 0);
        close(fd);
        EXPECT(mkdir("/tmp/sticky", 01000) >= 0);
        fixture_write("/tmp/one", "x");
        EXPECT(link("/tmp/one", "/tmp/two") >= 0);
        fd = shm_open("/segment", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        EXPECT(fd >= 0);
        EXPECT(ftruncate(fd, 65536) >= 0);
        close(fd);
        EXPECT(mkdir("/dev/shm/below", 0700) >= 0);

        /* And /box itself, which is the program's. */
        EXPECT(chmod("/box", 07711) >= 0);
        EXPECT(utimensat(AT_FDCWD, "/box", (struct timespec[2]) {}, 0) >= 0);
        EXPECT_ERRNO(chmod("/tmp", 0755), EPERM);
}

static void reset_odd(Root *root, void *userdata) {
        EXPECT(fixture_as_program(litter_oddly, NULL));
        EXPECT_INT(root_reset(root), 0);
        expect_new(root);

        EXPECT(fixture_as_program(litter_oddly, NULL));
        EXPECT_INT(root_reset(root), 0);
        expect_new(root);
}

START_TEST(test_reset_odd) {
        ck_assert(fixture_run(&settings, reset_odd, NULL));
}
END_TEST

/* ACLs, an attribute, a flag, and times on /box: whichever this kernel's tmpfs has. */
static void litter_attributes(void *userdata) {
        static const struct {
                uint32_t version;
                struct {
                        uint16_t tag, permissions;
                        uint32_t id;
                } entries[5];
        } acl = { 2, { { 1, 7, UINT32_MAX }, { 2, 7, 1000 }, { 4, 5, UINT32_MAX }, { 16, 7, UINT32_MAX }, { 32, 5, UINT32_MAX } } };
        int fd, flags = FS_NODUMP_FL, which = *(int *) userdata;

        switch (which) {
        case 0:
                if (setxattr("/box", "system.posix_acl_default", &acl, sizeof(acl), 0) < 0)
                        EXPECT_INT(errno, EOPNOTSUPP);
                break;
        case 1:
                if (setxattr("/box", "system.posix_acl_access", &acl, sizeof(acl), 0) < 0)
                        EXPECT_INT(errno, EOPNOTSUPP);
                break;
        case 2:
                if (setxattr("/box", "user.mark", "1", 1, 0) < 0)
                        EXPECT_INT(errno, EOPNOTSUPP);
                break;
        case 3:
                fd = open("/box", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                EXPECT(fd >= 0);
                if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
                        EXPECT_INT(errno, ENOTTY);
                close(fd);
                break;
        case 4:
                EXPECT(utimensat(AT_FDCWD, "/box", (struct timespec[2]) {}, 0) >= 0);
                break;
        }
}

static void reset_attributes(Root *root, void *userdata) {
        for (int i = 0; i < 5; i++) {
                EXPECT(fixture_as_program(litter_attributes, &i));
                EXPECT_INT(root_reset(root), 0);
                expect_new(root);
        }
}

START_TEST(test_reset_attributes) {
        ck_assert(fixture_run(&settings, reset_attributes, NULL));
}
END_TEST

static void make_deep(void *userdata) {
        unsigned depth = *(unsigned *) userdata;

        EXPECT(chdir("/box") >= 0);
        for (unsigned i = 0; i < depth; i++) {
                EXPECT(mkdir("dddddddd", 0700) >= 0);
                EXPECT(chdir("dddddddd") >= 0);
        }
        fixture_write("bottom", "x");
}

static void reset_deep(Root *root, void *userdata) {
        unsigned depth = 100;

        /* First few enough to be removed one by one, then too many. */
        EXPECT(fixture_as_program(make_deep, &depth));
        EXPECT_INT(root_reset(root), 0);
        expect_new(root);

        depth = 5000;
        EXPECT(fixture_as_program(make_deep, &depth));
        EXPECT_INT(root_reset(root), 0);
        expect_new(root);
}

START_TEST(test_reset_deep) {
        settings.inodes = 10000;
        ck_assert(fixture_run(&settings, reset_deep, NULL));
}
END_TEST

static void reset_many_inside(void *userdata) {
        static const char *const directories[] = { "/box", "/tmp", NULL };

        EXPECT_INT(fill_inodes(directories), 100000);
}

static void reset_many(Root *root, void *userdata) {
        usec_t before;

        EXPECT(fixture_as_program(reset_many_inside, NULL));
        before = now_usec(CLOCK_MONOTONIC);
        EXPECT_INT(root_reset(root), 0);
        fprintf(stderr, "reset of 100000 files: %" PRIu64 " us\n", now_usec(CLOCK_MONOTONIC) - before);
        expect_new(root);
        EXPECT(fixture_as_program(bytes_inside, NULL));
        EXPECT_INT(root_reset(root), 0);
        expect_new(root);
}

START_TEST(test_reset_many) {
        settings.inodes = 100000;
        ck_assert(fixture_run(&settings, reset_many, NULL));
}
END_TEST

/* Somebody outside still has a file of the old days, and its room must not be missing in the new ones. */
static void reset_held(Root *root, void *userdata) {
        char buf[16];
        int fd;

        EXPECT(fixture_as_program(litter_little, NULL));
        fd = open("/box/file-3", O_RDWR | O_CLOEXEC);
        EXPECT(fd >= 0);

        EXPECT_INT(root_reset(root), 0);
        expect_new(root);

        EXPECT_INT(pread(fd, buf, sizeof(buf), 0), 10);
        EXPECT_INT(pwrite(fd, buf, 10, 1 << 20), 10);
        EXPECT(fixture_as_program(bytes_inside, NULL));
        close(fd);
}

START_TEST(test_reset_held) {
        ck_assert(fixture_run(&settings, reset_held, NULL));
}
END_TEST

/* After a reset with a new volume everything about it is as with the first. */
static void reset_again(Root *root, void *userdata) {
        static const char *const directories[] = { "/box", "/tmp", NULL };

        for (unsigned i = 0; i < 5; i++) {
                EXPECT_INT(fill_inodes(directories), 1000);
                EXPECT_INT(root_reset(root), 0);
                expect_new(root);
                EXPECT(fixture_as_program(hidden_inside, NULL));
        }
}

static size_t count_mounts(void) {
        _cleanup_free_ char *data = NULL;
        size_t n = 0;

        EXPECT_INT(read_full_file_at(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &data, NULL), 0);
        for (const char *p = data; (p = strchr(p, '\n')); p++)
                n++;
        return n;
}

static void reset_leaves_nothing(Root *root, void *userdata) {
        size_t n = count_mounts();

        reset_again(root, userdata);
        EXPECT_INT(count_mounts(), n);
}

START_TEST(test_reset_again) {
        ck_assert(fixture_run(&settings, reset_leaves_nothing, NULL));
}
END_TEST

/* tmpfs of the settings */

static void tmpfs_inside(void *userdata) {
        struct stat a, b;

        EXPECT_INT(fill("/desk/deep/file"), 1 << 20);
        EXPECT_INT(fill("/box/cache/file"), 2 << 20);
        EXPECT_INT(fill("/box/file"), 8 << 20);
        EXPECT_ERRNO(rmdir("/box/cache"), EBUSY);

        EXPECT(stat("/box/cache", &a) >= 0);
        EXPECT(stat("/box", &b) >= 0);
        EXPECT(a.st_dev != b.st_dev);
}

static void tmpfs(Root *root, void *userdata) {
        for (unsigned i = 0; i < 3; i++) {
                EXPECT(fixture_as_program(tmpfs_inside, NULL));
                EXPECT_INT(root_reset(root), 0);
                expect_directory("/desk/deep", 0, 01777);
                expect_directory("/box/cache", 0, 01777);
                expect_directory("/tmp", 0, 01777);
        }
}

START_TEST(test_tmpfs) {
        settings.n_tmpfs = 2;
        settings.tmpfs[0] = (TmpfsSpec) { strdup("/desk//deep/."), 1 << 20 };
        settings.tmpfs[1] = (TmpfsSpec) { strdup("/box/cache"), 2 << 20 };
        ck_assert(fixture_run(&settings, tmpfs, NULL));
}
END_TEST

START_TEST(test_tmpfs_bad) {
        static const struct {
                const char *path;
                uint64_t bytes;
                int error;
        } bad[] = {
                { "/", 4096, -EBUSY },        { "/proc", 4096, -EBUSY },  { "/proc/self", 4096, -EBUSY },
                { "/dev/null", 4096, -EBUSY }, { "/dev", 4096, -EBUSY },  { "work", 4096, -EINVAL },
                { "", 4096, -EINVAL },        { "/a/../b", 4096, -EINVAL }, { "/desk", 0, -ERANGE },
                { "/usr/no-such-directory", 4096, -ENOENT }, { "/etc/passwd", 4096, -ENOTDIR },
        };
        Step step;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                settings.n_tmpfs = 1;
                settings.tmpfs[0] = (TmpfsSpec) { strdup(bad[i].path), bad[i].bytes };
                ck_assert_msg(fixture_fail(&settings, &step) == bad[i].error, "%s", bad[i].path);
                ck_assert_int_eq(step, STEP_MOUNT);
                settings.tmpfs[0].path = mfree(settings.tmpfs[0].path);
        }
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("sandbox-storage");
        TCase *c = tcase_create("storage");

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, test_bytes);
        tcase_add_test(c, test_inodes);
        tcase_add_test(c, test_no_limit);
        tcase_add_test(c, test_hidden);
        tcase_add_test(c, test_suid);
        tcase_add_test(c, test_reset_little);
        tcase_add_test(c, test_reset_odd);
        tcase_add_test(c, test_reset_attributes);
        tcase_add_test(c, test_reset_deep);
        tcase_add_test(c, test_reset_many);
        tcase_add_test(c, test_reset_held);
        tcase_add_test(c, test_reset_again);
        tcase_add_test(c, test_tmpfs);
        tcase_add_test(c, test_tmpfs_bad);
        suite_add_tcase(s, c);
        return s;
}

int main(void) {
        return fixture_main(suite);
}
