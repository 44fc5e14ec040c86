/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd-util.h"
#include "landlock.h"
#include "test-util.h"

static char directory[] = "/tmp/judgebox-landlock-XXXXXX";
static int ruleset_fd = -EBADF;

static void setup(void) {
        ck_assert_ptr_nonnull(mkdtemp(directory));
        ck_assert_int_ge(chdir(directory), 0);
        ck_assert_int_ge(mkdir("open", 0755), 0);
        ck_assert_int_ge(mkdir("closed", 0755), 0);
        ck_assert_int_ge(mknod("open/file", S_IFREG | 0755, 0), 0);
        ck_assert_int_ge(mknod("closed/file", S_IFREG | 0755, 0), 0);
        ck_assert_int_eq(landlock_new(&ruleset_fd), 0);
}

static void teardown(void) {
        static const char *const files[] = { "open/file", "open/new", "closed/file", "closed/new" };

        ruleset_fd = safe_close(ruleset_fd);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                (void) unlink(files[i]);
        (void) rmdir("open");
        (void) rmdir("closed");
        (void) chdir("/");
        (void) rmdir(directory);
}

static void allow(const char *path, LandlockAccess access) {
        _cleanup_close_ int fd = -EBADF;

        fd = open(path, O_PATH | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(landlock_allow(ruleset_fd, fd, access), 0);
}

/* What f says behind the wall, as an exit status. */
static int behind(int (*f)(void)) {
        int status;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_restrict(ruleset_fd) < 0 ? 255 : f());

        ck_assert(waitpid(pid, &status, 0) == pid);
        ck_assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int error_of(int r) {
        return r < 0 ? errno : 0;
}

static int read_open(void) {
        return error_of(open("open/file", O_RDONLY));
}

static int read_closed(void) {
        return error_of(open("closed/file", O_RDONLY));
}

static int write_open(void) {
        return error_of(open("open/file", O_WRONLY));
}

static int make_open(void) {
        return error_of(mknod("open/new", S_IFREG | 0644, 0));
}

static int move_away(void) {
        return error_of(rename("open/file", "closed/new"));
}

static int list_open(void) {
        return error_of(open("open", O_RDONLY | O_DIRECTORY));
}

static int execute_open(void) {
        (void) execl("open/file", "file", NULL);
        return errno; /* an empty file is not a program, if it comes so far */
}

START_TEST(test_nothing_is_allowed) {
        ck_assert_int_eq(behind(read_open), EACCES);
        ck_assert_int_eq(behind(list_open), EACCES);
        ck_assert_int_eq(behind(make_open), EACCES);
}
END_TEST

START_TEST(test_what_is_allowed) {
        allow("open", LANDLOCK_READ);
        ck_assert_int_eq(behind(read_open), 0);
        ck_assert_int_eq(behind(read_closed), EACCES);
        ck_assert_int_eq(behind(write_open), EACCES);
        ck_assert_int_eq(behind(list_open), EACCES);
        ck_assert_int_eq(behind(execute_open), EACCES);

        allow("open", LANDLOCK_LIST | LANDLOCK_EXECUTE);
        ck_assert_int_eq(behind(read_open), 0);
        ck_assert_int_eq(behind(list_open), 0);
        ck_assert_int_eq(behind(execute_open), ENOEXEC);
        ck_assert_int_eq(behind(make_open), EACCES);

        allow("open", LANDLOCK_WRITE | LANDLOCK_CHANGE);
        ck_assert_int_eq(behind(write_open), 0);
        ck_assert_int_eq(behind(make_open), 0);
        ck_assert_int_ne(behind(move_away), 0);

        allow("closed", LANDLOCK_CHANGE | LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_EXECUTE);
        ck_assert_int_eq(behind(move_away), 0);
}
END_TEST

START_TEST(test_file) {
        /* Of what is for directories a file's rule says nothing. */
        allow("open/file", LANDLOCK_LIST | LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_CHANGE);
        ck_assert_int_eq(behind(read_open), 0);
        ck_assert_int_eq(behind(write_open), 0);
        ck_assert_int_eq(behind(make_open), EACCES);

        allow("open/file", LANDLOCK_LIST);
}
END_TEST

START_TEST(test_no_file) {
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        _cleanup_close_ int memory = -EBADF;

        ck_assert_int_ge(pipe2(p, O_CLOEXEC), 0);
        memory = memfd_create("memory", MFD_CLOEXEC);
        ck_assert_int_ge(memory, 0);

        ck_assert_int_eq(landlock_allow(ruleset_fd, p[0], LANDLOCK_READ), 0);
        ck_assert_int_eq(landlock_allow(ruleset_fd, memory, LANDLOCK_READ), 0);
        ck_assert_int_eq(landlock_allow(ruleset_fd, -EBADF, LANDLOCK_READ), -EBADF);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_nothing_is_allowed, test_what_is_allowed, test_file, test_no_file };

        if (!landlock_is_supported()) {
                printf("SKIPPED: this kernel has no Landlock.\n");
                return 77;
        }

        return test_run("landlock", tests, ELEMENTSOF(tests), setup, teardown);
}
