/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each test is in a child, started as the service manager would: with descriptors from 3 on, where check has its own. */

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fd-util.h"
#include "passed-fds.h"
#include "string-util.h"
#include "test-util.h"

#define FIRST 3
#define PASSED_MAX 5

/* In the child there is no check. */
#define expect(condition)                                                                                       \
        do {                                                                                                    \
                if (!(condition)) {                                                                             \
                        (void) dprintf(STDERR_FILENO, "%s:%i: not so: %s\n", __FILE__, __LINE__, #condition);   \
                        _exit(EXIT_FAILURE);                                                                    \
                }                                                                                               \
        } while (false)

/* The files behind what is passed, one for each. */
static struct stat files[PASSED_MAX];

static void pass(size_t n, const char *names, pid_t pid) {
        char number[32];

        for (size_t i = 0; i < n; i++) {
                int fd = memfd_create("passed", 0);

                expect(fd >= 0 && fstat(fd, files + i) >= 0);
                if (fd != FIRST + (int) i)
                        expect(dup2(fd, FIRST + (int) i) >= 0 && close(fd) >= 0);
        }

        (void) snprintf(number, sizeof(number), "%zu", n);
        expect(setenv("LISTEN_FDS", number, 1) >= 0);
        (void) snprintf(number, sizeof(number), "%i", pid);
        expect(setenv("LISTEN_PID", number, 1) >= 0);
        if (names)
                expect(setenv("LISTEN_FDNAMES", names, 1) >= 0);
}

static bool is_file(int fd, size_t i) {
        struct stat st;

        return fstat(fd, &st) >= 0 && st.st_ino == files[i].st_ino;
}

static void take_all(void) {
        PassedFds p;

        pass(5, "0-b:varlink:0-a:0-b:", getpid());
        expect(passed_fds_take(&p) == 0);
        expect(p.n == 5);

        /* By name, each with what came under it; of two with one name the order is nobody's. */
        expect(streq(p.items[0].name, "") && is_file(p.items[0].fd, 4));
        expect(streq(p.items[1].name, "0-a") && is_file(p.items[1].fd, 2));
        expect(streq(p.items[2].name, "0-b") && streq(p.items[3].name, "0-b"));
        expect(is_file(p.items[2].fd, 0) != is_file(p.items[2].fd, 3));
        expect(is_file(p.items[3].fd, 0) != is_file(p.items[2].fd, 0));
        expect(streq(p.items[4].name, "varlink") && is_file(p.items[4].fd, 1));

        for (size_t i = 0; i < p.n; i++)
                expect(fcntl(p.items[i].fd, F_GETFD) == FD_CLOEXEC);

        /* What we start is not to take them for its own. */
        expect(!getenv("LISTEN_FDS") && !getenv("LISTEN_PID") && !getenv("LISTEN_FDNAMES"));

        int taken = TAKE_FD(p.items[1].fd);
        passed_fds_done(&p);
        expect(test_count_fds() == 3 + 1 && is_file(taken, 2));
        expect(p.n == 0 && !p.items);
}

static void take_none(void) {
        PassedFds p = { .n = 1 };

        expect(passed_fds_take(&p) == 0);
        expect(p.n == 0);
        passed_fds_done(&p);
}

/* They are for somebody else, who has us as a child: not ours to take or close. */
static void take_of_another(void) {
        PassedFds p;

        pass(2, "a:b", getppid());
        expect(passed_fds_take(&p) == 0);
        expect(p.n == 0);
        expect(is_file(FIRST, 0) && is_file(FIRST + 1, 1));
        passed_fds_done(&p);
}

static void take_nonsense(void) {
        PassedFds p = { .n = 77 };

        pass(2, "a:b:c", getpid());
        expect(passed_fds_take(&p) < 0);
        pass(2, "a:b", getpid());
        expect(setenv("LISTEN_FDS", "many", 1) >= 0);
        expect(passed_fds_take(&p) < 0);
        expect(p.n == 77);
}

static void in_child(void (*function)(void)) {
        int status;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                expect(close_range(FIRST, ~0U, 0) >= 0);
                expect(unsetenv("LISTEN_FDS") >= 0 && unsetenv("LISTEN_PID") >= 0 && unsetenv("LISTEN_FDNAMES") >= 0);
                function();
                _exit(EXIT_SUCCESS);
        }

        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
}

START_TEST(test_all) {
        in_child(take_all);
}
END_TEST

START_TEST(test_none) {
        in_child(take_none);
        in_child(take_of_another);
}
END_TEST

START_TEST(test_nonsense) {
        in_child(take_nonsense);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_all, test_none, test_nonsense };

        return test_run("passed-fds", tests, ELEMENTSOF(tests), NULL, NULL);
}
