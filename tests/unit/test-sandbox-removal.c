/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <signal.h>
#include <sys/stat.h>

#include "box-fixture.h"
#include "fd-util.h"
#include "files-whole.h"
#include "tree.h"

/* Files of a box removed from outside: deep trees, many files, odd ones, and while a program makes more of them. */

static BoxSettings settings;

static void setup(void) {
        box_settings_init(&settings);
        settings.storage_bytes = 32 << 20;
        settings.inodes = 200000;
}

static void teardown(void) {
        box_settings_done(&settings);
}

static void deep(Root *root, void *userdata) {
        usec_t before;

        EXPECT(fixture_as_program(make_deep_tree, NULL));
        before = now_usec(CLOCK_MONOTONIC);
        EXPECT_INT(remove_file(root, "top", FILE_RECURSIVE), 0);
        fprintf(stderr, "removal of a tree 5000 deep: %" PRIu64 " us\n", now_usec(CLOCK_MONOTONIC) - before);
        EXPECT_ERRNO(access("/box/top", F_OK), ENOENT);
        expect_unused(root);
}

START_TEST(test_remove_deep) {
        ck_assert(fixture_run(&settings, deep, NULL));
}
END_TEST

static void many(Root *root, void *userdata) {
        usec_t before;

        EXPECT(fixture_as_program(make_many_files, NULL));
        before = now_usec(CLOCK_MONOTONIC);
        EXPECT_INT(remove_file(root, "/box/top", FILE_RECURSIVE), 0);
        fprintf(stderr, "removal of 100000 files: %" PRIu64 " us\n", now_usec(CLOCK_MONOTONIC) - before);
        expect_unused(root);
}

START_TEST(test_remove_many) {
        ck_assert(fixture_run(&settings, many, NULL));
}
END_TEST

static void remove_odd_inside(void *userdata) {
        EXPECT(mkdir("/box/top", 0755) >= 0);
        EXPECT(mkdir("/box/top/a", 0755) >= 0);
        EXPECT(symlink("/box/victim", "/box/top/a/link") >= 0);
        EXPECT(symlink("/usr", "/box/top/usr") >= 0);
        EXPECT(mkfifo("/box/top/a/fifo", 0600) >= 0);
        fixture_write("/box/top/a/file", "x");
        EXPECT(chmod("/box/top/a", 0) >= 0);
        EXPECT(mkdir("/box/victim", 0755) >= 0);
        fixture_write("/box/victim/file", "unharmed");
        fixture_write("/box/victim/linked", "unharmed");
        EXPECT(link("/box/victim/linked", "/box/top/linked") >= 0);
        EXPECT(chmod("/box/top", 0) >= 0);
}

static void remove_odd(Root *root, void *userdata) {
        EXPECT(fixture_as_program(remove_odd_inside, NULL));
        EXPECT_INT(remove_file(root, "top", FILE_RECURSIVE), 0);
        EXPECT_ERRNO(access("/box/top", F_OK), ENOENT);
        EXPECT(fixture_has_text("/box/victim/file", "unharmed"));
        EXPECT(fixture_has_text("/box/victim/linked", "unharmed"));
}

START_TEST(test_remove_odd) {
        ck_assert(fixture_run(&settings, remove_odd, NULL));
}
END_TEST

#define REMOVALS 3000U

/* In what is being removed somebody keeps making and moving directories. */
static _noreturn_ void churn_forever(void *userdata) {
        int fds[8];

        for (;;) {
                (void) chdir("/box");
                (void) mkdir("top", 0755);
                if (chdir("top") < 0)
                        continue;

                for (unsigned i = 0; i < ELEMENTSOF(fds); i++) {
                        char name[8] = { (char) ('a' + i) };

                        (void) mkdir(name, 0755);
                        fds[i] = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
                }
                for (unsigned i = 0; i < 50; i++) {
                        int a = fds[i % ELEMENTSOF(fds)], b = fds[(i * 3 + 1) % ELEMENTSOF(fds)];

                        (void) mkdirat(a, "x", 0700);
                        (void) mknodat(a, "y", S_IFREG | 0600, 0);
                        (void) renameat(a, "x", b, "z");
                        (void) renameat(a, "..", b, "up");
                        (void) symlinkat("/tmp/victim", a, "x");
                }
                close_many(fds, ELEMENTSOF(fds));
        }
}

static void race_removal(Root *root, void *userdata) {
        unsigned n_removed = 0;
        pid_t pid;

        EXPECT(mkdir("/tmp/victim", 0777) >= 0);
        fixture_write("/tmp/victim/file", "unharmed");

        pid = fixture_start_program(churn_forever, NULL);
        for (unsigned i = 0; i < REMOVALS; i++) {
                int r;

                r = remove_file(root, "top", FILE_RECURSIVE);
                if (r != -ENOENT)
                        EXPECT_INT(r, 0);
                n_removed += r == 0;
                EXPECT(fixture_has_text("/tmp/victim/file", "unharmed"));
        }
        fixture_stop_program(pid);
        EXPECT(n_removed > 0);

        EXPECT(IN_SET(remove_file(root, "top", FILE_RECURSIVE), 0, -ENOENT));
        EXPECT_INT(remove_file(root, "/tmp/victim", FILE_RECURSIVE), 0);
        expect_unused(root);
}

START_TEST(test_race_removal) {
        ck_assert(fixture_run(&settings, race_removal, NULL));
}
END_TEST

/* Faster than we are: a directory that never gets empty. */
static _noreturn_ void refill_forever(void *userdata) {
        int fd;

        EXPECT(mkdir("/box/top", 0755) >= 0);
        fd = open("/box/top", O_PATH | O_DIRECTORY | O_CLOEXEC);
        EXPECT(fd >= 0);
        EXPECT(fchdir(fd) >= 0);
        EXPECT(write(*(int *) userdata, "", 1) == 1);

        for (uint64_t i = 0;; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "%" PRIu64, i);
                (void) mkdir(name, 0700);
        }
}

static void endless(Root *root, void *userdata) {
        int fds[2], r;
        pid_t pid;
        char c;

        EXPECT(pipe(fds) >= 0);
        pid = fixture_start_program(refill_forever, fds + 1);
        EXPECT(read(fds[0], &c, 1) == 1);

        /* It comes back, one way or the other, and the name is gone. */
        (void) alarm(50);
        r = remove_file(root, "top", FILE_RECURSIVE);
        (void) alarm(0);
        EXPECT(IN_SET(r, 0, -EBUSY));
        EXPECT_ERRNO(access("/box/top", F_OK), ENOENT);
        fixture_stop_program(pid);

        /* And what was left is gone with the next removal or reset. */
        EXPECT_INT(root_reset(root), 0);
        expect_unused(root);
}

START_TEST(test_endless) {
        settings.inodes = 2000;
        ck_assert(fixture_run(&settings, endless, NULL));
}
END_TEST

static void steps(Root *root, void *userdata) {
        uint64_t serial = 0;
        TreeRemoval t = { .serial = &serial, .steps_left = 50 };
        int fd;

        EXPECT(mkdir("/tmp/trash", 0700) >= 0);
        t.trash_fd = open("/tmp/trash", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        EXPECT(t.trash_fd >= 0);
        EXPECT(mkdir("/tmp/trash/dir", 0700) >= 0);
        fd = open("/tmp/trash/dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        EXPECT(fd >= 0);

        for (unsigned i = 0; i < 100; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "%u", i);
                EXPECT(mkdirat(fd, name, 0700) >= 0);
        }

        EXPECT_INT(tree_clear(&t, fd), -EBUSY);
        EXPECT_INT(tree_collect(&t), -EBUSY);
        t.steps_left = 52;
        EXPECT_INT(tree_collect(&t), 0);
        EXPECT(rmdir("/tmp/trash") >= 0);
}

START_TEST(test_steps) {
        ck_assert(fixture_run(&settings, steps, NULL));
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("sandbox-removal");
        TCase *c = tcase_create("removal");

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 100);
        tcase_add_test(c, test_remove_deep);
        tcase_add_test(c, test_remove_many);
        tcase_add_test(c, test_remove_odd);
        tcase_add_test(c, test_race_removal);
        tcase_add_test(c, test_endless);
        tcase_add_test(c, test_steps);
        suite_add_tcase(s, c);
        return s;
}

int main(void) {
        return fixture_main(suite);
}
