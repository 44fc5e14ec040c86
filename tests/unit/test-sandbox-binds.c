/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "box-fixture.h"
#include "fd-util.h"
#include "files-whole.h"
#include "mount-util.h"
#include "string-util.h"

/* What a tenant hands over. On the host it is a file system of its own, with another one mounted in it.
 * (On the host of this test, that is: it has a mount namespace.) */
#define SOURCE "/mnt"

static BoxSettings settings;

static void setup(void) {
        box_settings_init(&settings);

        ck_assert(mount("none", SOURCE, "tmpfs", 0, "mode=0755") >= 0);
        ck_assert(mount(NULL, SOURCE, NULL, MS_SHARED, NULL) >= 0);
        ck_assert(mkdir(SOURCE "/open", 0) >= 0);
        ck_assert(chmod(SOURCE "/open", 0777) >= 0);
        ck_assert(mkdir(SOURCE "/sub", 0755) >= 0);
        ck_assert(mount("none", SOURCE "/sub", "tmpfs", 0, "mode=0777") >= 0);
        fixture_write(SOURCE "/file", "given");
        fixture_write(SOURCE "/sub/file", "below");
        ck_assert(mknod(SOURCE "/null", S_IFCHR | 0666, makedev(1, 3)) >= 0);
        ck_assert(chmod(SOURCE "/null", 0666) >= 0);
        fixture_write(SOURCE "/script", "#!/bin/sh\nexit 0\n");
        ck_assert(chmod(SOURCE "/script", 0755) >= 0);
}

static void teardown(void) {
        box_settings_done(&settings);
        ck_assert(umount2(SOURCE, MNT_DETACH) >= 0);
}

static void add_bind(const char *source, const char *path, bool writable, bool noexec) {
        settings.binds[settings.n_binds++] = (BindSpec) {
                .source_fd = fixture_open_tree(source),
                .path = strdup(path),
                .writable = writable,
                .noexec = noexec,
        };
}

static bool executes(const char *path) {
        int status;
        pid_t pid;

        pid = fork();
        EXPECT(pid >= 0);
        if (pid == 0) {
                (void) execl(path, path, NULL);
                _exit(EXIT_FAILURE);
        }

        EXPECT(waitpid(pid, &status, 0) == pid);
        return status == 0;
}

static int try_create(const char *path) {
        int fd;

        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;

        close(fd);
        return unlink(path) < 0 ? -errno : 0;
}

static void kinds_inside(void *userdata) {
        EXPECT(fixture_has_text("/read/file", "given"));
        EXPECT(fixture_has_text("/read/sub/file", "below"));
        EXPECT_INT(try_create("/read/open/new"), -EROFS);
        EXPECT_INT(try_create("/read/sub/new"), -EROFS);
        EXPECT(executes("/read/script"));

        EXPECT_INT(try_create("/write/open/new"), 0);
        EXPECT_INT(try_create("/write/sub/new"), 0);
        EXPECT_INT(try_create("/write/new"), -EACCES);
        EXPECT(executes("/write/script"));

        EXPECT(!executes("/noexec/script"));
        EXPECT(fixture_has_text("/noexec/script", "#!/bin/sh\nexit 0\n"));

        /* It is a device, but not to be used as one. */
        EXPECT_ERRNO(open("/read/null", O_RDWR), EACCES);
        EXPECT_ERRNO(open("/write/null", O_RDWR), EACCES);
        EXPECT_ERRNO(mount(NULL, "/read", NULL, MS_BIND | MS_REMOUNT, NULL), EPERM);
}

static void kinds(Root *root, void *userdata) {
        struct statvfs v;

        EXPECT(fixture_as_program(kinds_inside, NULL));

        EXPECT(statvfs("/read", &v) >= 0);
        EXPECT_INT(v.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC), ST_RDONLY | ST_NOSUID | ST_NODEV);
        EXPECT(statvfs("/read/sub", &v) >= 0);
        EXPECT_INT(v.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC), ST_RDONLY | ST_NOSUID | ST_NODEV);
        EXPECT(statvfs("/noexec/sub", &v) >= 0);
        EXPECT(v.f_flag & ST_NOEXEC);
}

START_TEST(test_kinds) {
        add_bind(SOURCE, "/read", false, false);
        add_bind(SOURCE, "/write", true, false);
        add_bind(SOURCE, "/noexec", false, true);
        ck_assert(fixture_run(&settings, kinds, NULL));
}
END_TEST

/* One that belongs to the box's root, so that its set-user-ID bit would have a meaning inside. */
static void suid_inside(void *userdata) {
        EXPECT_INT(fixture_execute_suid("/read/suid"), BOX_UID);
        EXPECT_INT(fixture_execute_suid("/read/sub/suid"), BOX_UID);
}

static void suid(Root *root, void *userdata) {
        EXPECT(fixture_as_program(suid_inside, NULL));
}

START_TEST(test_suid) {
        fixture_make_suid(SOURCE "/suid", FIXTURE_UID_BASE);
        fixture_make_suid(SOURCE "/sub/suid", FIXTURE_UID_BASE);
        add_bind(SOURCE, "/read", false, false);
        ck_assert(fixture_run(&settings, suid, NULL));
}
END_TEST

/* Where they can be */

static void points_inside(void *userdata) {
        struct stat st;

        EXPECT(fixture_has_text("/a/b/c/file", "given"));
        EXPECT(fixture_has_text("/a/single", "given"));
        EXPECT(fixture_has_text("/box/data/in/file", "below"));
        EXPECT(fixture_has_text("/box/given.txt", "given"));
        EXPECT(fixture_has_text("/usr/local/file", "below"));
        EXPECT(fixture_has_text("/tmp/file", "given"));
        EXPECT(fixture_has_text("/desk/inner/file", "below"));
        EXPECT(fixture_has_text("/a/b/c/open/nested/file", "below"));
        EXPECT(fixture_has_text("/etc/extra", "given"));

        /* What was made in the box's own directories is the program's. */
        EXPECT(stat("/box/data", &st) >= 0);
        EXPECT_INT(st.st_uid, BOX_UID);
        fixture_write("/box/data/mine", "x");
        fixture_write("/desk/mine", "x");

        /* What was made on the root is not. */
        EXPECT_ERRNO(mkdir("/a/new", 0755), EROFS);
}

static void points(Root *root, void *userdata) {
        for (unsigned i = 0; i < 3; i++) {
                EXPECT(fixture_as_program(points_inside, NULL));
                EXPECT_INT(root_reset(root), 0);
                EXPECT_ERRNO(access("/box/data/mine", F_OK), ENOENT);
                EXPECT_ERRNO(access("/desk/mine", F_OK), ENOENT);
        }
}

START_TEST(test_mount_points) {
        /* In no order that would help. */
        add_bind(SOURCE "/sub", "/a/b/c/open/nested", false, false);
        add_bind(SOURCE, "/a/b/c", false, false);
        add_bind(SOURCE "/file", "/a/single", false, false);
        add_bind(SOURCE "/sub", "/desk/inner", false, false);
        add_bind(SOURCE "/sub", "/box//data/./in/", false, false);
        add_bind(SOURCE "/file", "/box/given.txt", false, false);
        add_bind(SOURCE "/sub", "/usr/local", false, false);
        add_bind(SOURCE, "/tmp", false, false);
        add_bind(SOURCE "/file", "/etc/extra", false, false);
        settings.n_tmpfs = 1;
        settings.tmpfs[0] = (TmpfsSpec) { strdup("/desk"), 1 << 20 };

        ck_assert(mkdir(SOURCE "/open/nested", 0755) >= 0);
        ck_assert(fixture_run(&settings, points, NULL));
}
END_TEST

/* Whatever the program does to the directory in which something is mounted: reset brings it back where it
 * was, and never reaches into it. */
static void moved_inside(void *userdata) {
        EXPECT(rename("/box/data", "/box/elsewhere") >= 0);
        EXPECT(fixture_has_text("/box/elsewhere/in/sub/file", "below"));
        EXPECT(symlink("/box/elsewhere", "/box/data") >= 0);
        EXPECT_INT(try_create("/box/elsewhere/in/open/new"), 0);
}

static void moved(Root *root, void *userdata) {
        for (unsigned i = 0; i < 3; i++) {
                uint64_t size;
                char *list;
                int fd;

                EXPECT(fixture_as_program(moved_inside, NULL));

                /* By that path it is still not the box's own. */
                EXPECT_INT(files_open(root, "elsewhere/in/file", 0, &fd, &size), -EXDEV);
                EXPECT_INT(files_open(root, "elsewhere/in/open/new", FILE_CREATE, &fd, &size), -EXDEV);
                EXPECT_INT(files_mkdir(root, "elsewhere/in/open/new"), -EXDEV);
                EXPECT_INT(list_files(root, "elsewhere/in", 0, &list, &size), -EXDEV);
                EXPECT_INT(remove_file(root, "elsewhere/in/file", 0), -ENOENT);
                EXPECT_INT(remove_file(root, "/box/elsewhere", FILE_RECURSIVE), -EBUSY);
                EXPECT_INT(root_reset(root), 0);
                EXPECT(fixture_has_text("/box/data/in/file", "given"));
                EXPECT(fixture_has_text("/box/data/in/sub/file", "below"));
                EXPECT_ERRNO(access("/box/elsewhere", F_OK), ENOENT);
        }
}

START_TEST(test_moved) {
        add_bind(SOURCE, "/box/data/in", true, false);
        ck_assert(fixture_run(&settings, moved, NULL));
        ck_assert(fixture_has_text(SOURCE "/file", "given"));
        ck_assert(fixture_has_text(SOURCE "/sub/file", "below"));
}
END_TEST

START_TEST(test_bad) {
        static const struct {
                const char *source, *path;
                int error;
        } bad[] = {
                { SOURCE, "/", -EBUSY },
                { SOURCE, "/proc", -EBUSY },
                { SOURCE, "/proc/sys", -EBUSY },
                { SOURCE, "/dev", -EBUSY },
                { SOURCE "/file", "/dev/null", -EBUSY },
                { SOURCE, "relative", -EINVAL },
                { SOURCE, "/a/../../b", -EINVAL },
                { SOURCE, "/etc/passwd", -ENOTDIR },
                { SOURCE "/file", "/usr", -EISDIR },
                { SOURCE, "/usr/no-such-directory", -ENOENT },
                { SOURCE, "/bin/x", -ELOOP },
                { SOURCE "/null", "/null", -EINVAL },
        };
        struct stat st;
        Step step;

        if (lstat("/bin", &st) >= 0 && !S_ISLNK(st.st_mode))
                printf("SKIPPED in part: /bin is no link here\n");

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                if (bad[i].error == -ELOOP && !S_ISLNK(st.st_mode))
                        continue;

                add_bind(bad[i].source, bad[i].path, false, false);
                ck_assert_msg(fixture_fail(&settings, &step) == bad[i].error, "%s at %s", bad[i].source, bad[i].path);
                ck_assert_int_eq(step, STEP_BIND);
                box_settings_done(&settings);
                box_settings_init(&settings);
        }

        /* A descriptor of what is mounted on the host, not of a tree of its own. */
        settings.binds[settings.n_binds++] = (BindSpec) {
                .source_fd = open(SOURCE, O_PATH | O_DIRECTORY | O_CLOEXEC),
                .path = strdup("/a"),
        };
        ck_assert_int_eq(fixture_fail(&settings, &step), -EINVAL);
        ck_assert_int_eq(step, STEP_BIND);
}
END_TEST

/* A directory of a tenant's gets no mount points that it does not have. */
START_TEST(test_nothing_made) {
        Step step;

        add_bind(SOURCE "/open", "/a", true, false);
        add_bind(SOURCE "/sub", "/a/b", false, false);
        ck_assert_int_eq(fixture_fail(&settings, &step), -ENOENT);
        ck_assert_int_eq(step, STEP_BIND);
        ck_assert_int_eq(access(SOURCE "/open/b", F_OK), -1);
}
END_TEST

/* What is mounted on the host later stays there, and so does what is taken away. */

static void propagation_inside(Root *root, void *userdata) {
        const int *fds = userdata;
        char c;

        EXPECT(write(fds[1], "", 1) == 1);
        EXPECT(read(fds[2], &c, 1) == 1);
        EXPECT_ERRNO(access("/b/open/late", F_OK), ENOENT);
        EXPECT(fixture_has_text("/b/sub/file", "below"));
}

START_TEST(test_propagation) {
        int fds[4];
        pid_t pid;
        char c;
        int status;

        ck_assert(pipe(fds) >= 0);
        ck_assert(pipe(fds + 2) >= 0);
        add_bind(SOURCE, "/b", false, false);

        pid = fork();
        ck_assert(pid >= 0);
        if (pid == 0)
                _exit(fixture_run(&settings, propagation_inside, fds) ? EXIT_SUCCESS : EXIT_FAILURE);

        close(fds[1]);
        ck_assert(read(fds[0], &c, 1) == 1);
        ck_assert(mount("none", SOURCE "/open", "tmpfs", 0, NULL) >= 0);
        fixture_write(SOURCE "/open/late", "x");
        ck_assert(umount2(SOURCE "/sub", MNT_DETACH) >= 0);
        ck_assert(write(fds[3], "", 1) == 1);

        ck_assert(waitpid(pid, &status, 0) == pid);
        ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("sandbox-binds");
        TCase *c = tcase_create("binds");

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, test_kinds);
        tcase_add_test(c, test_suid);
        tcase_add_test(c, test_mount_points);
        tcase_add_test(c, test_moved);
        tcase_add_test(c, test_bad);
        tcase_add_test(c, test_nothing_made);
        tcase_add_test(c, test_propagation);
        suite_add_tcase(s, c);
        return s;
}

int main(void) {
        return fixture_main(suite);
}
