/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

#include "fd-util.h"
#include "slow-close.h"
#include "test-util.h"

/* What goes to a helper and what does not, and that it is closed in the end. That nobody waits for a file whose
 * server does not answer is shown by tests/native/test-service.py. */

static int pair[2] = EBADF_PAIR;

static void setup(void) {
        slow_close_enable();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void teardown(void) {
        slow_close_disable();
        close_many(pair, 2);
}

/* Sends it to ourselves; the original is closed. */
static int received(int fd, bool foreign) {
        size_t n_fds = 0;
        int got = -EBADF;
        char c;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq((int) send_with_fds(pair[0], "x", 1, &fd, 1, 0), 1);
        ck_assert_int_eq((int) (foreign ? recv_with_foreign_fds : recv_with_fds)(pair[1], &c, 1, &got, 1, &n_fds, 0), 1);
        ck_assert_uint_eq(n_fds, 1);
        ck_assert_int_eq(close(fd), 0);
        return got;
}

static bool closes(int fd) {
        for (int i = 0; i < 1000; i++) {
                if (fcntl(fd, F_GETFD) < 0)
                        return true;
                (void) nanosleep(&(struct timespec) { .tv_nsec = 5000000 }, NULL);
        }

        return false;
}

/* Neither memory nor on a disk: as much as the kernel says of one that a server has. */
static int foreign_file(void) {
        int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        return fd;
}

/* Where /var/tmp is on one; elsewhere it is memory. */
static int file_on_disk(void) {
        char path[] = "/var/tmp/test-slow-close-XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);
        struct stat st;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        if (major(st.st_dev) == 0) {
                (void) close(fd);
                fd = memfd_new_sealed("test", "x", 1);
        }

        return fd;
}

START_TEST(test_at_once) {
        int fds[] = {
                memfd_new_sealed("test", "x", 1),
                open("/dev/null", O_RDONLY | O_CLOEXEC),
                open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                open("/etc/passwd", O_PATH | O_CLOEXEC),
                file_on_disk(),
        };
        int fd;

        fd = received(fds[_i], /* foreign= */ true);
        ck_assert_int_eq(safe_close(fd), -EBADF);
        ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
        ck_assert_uint_eq(slow_close_get_helpers(NULL), 0);

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if ((int) i != _i)
                        ck_assert_int_eq(close(fds[i]), 0);
}
END_TEST

START_TEST(test_by_helper) {
        int fd = foreign_file();

        fd = received(fd, /* foreign= */ true);
        ck_assert_int_eq(safe_close(fd), -EBADF);
        ck_assert_uint_eq(slow_close_get_helpers(NULL), 1);
        ck_assert(closes(fd));

        /* The next needs no second one. */
        fd = received(foreign_file(), /* foreign= */ true);
        ck_assert_int_eq(safe_close(fd), -EBADF);
        ck_assert_uint_eq(slow_close_get_helpers(NULL), 1);
        ck_assert(closes(fd));
}
END_TEST

/* Of either kind: one may have another on its way through it. */
START_TEST(test_sockets) {
        int fd;

        fd = received(socket(_i == 0 ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), /* foreign= */ true);
        ck_assert_int_eq(safe_close(fd), -EBADF);
        ck_assert_uint_eq(slow_close_get_helpers(NULL), 1);
        ck_assert(closes(fd));
}
END_TEST

START_TEST(test_duplicate) {
        int slow = received(foreign_file(), /* foreign= */ true), own = foreign_file(), fd;

        fd = fd_duplicate(slow);
        ck_assert(fd >= 3 && slow_close_is_marked(fd));
        ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        (void) safe_close(fd);
        ck_assert(closes(fd));
        (void) safe_close(slow);
        ck_assert(closes(slow));

        fd = fd_duplicate(own);
        ck_assert(fd >= 3 && !slow_close_is_marked(fd));
        ck_assert_int_eq(close(fd), 0);
        ck_assert_int_eq(close(own), 0);
        ck_assert_int_eq(fd_duplicate(own), -EBADF);
}
END_TEST

/* What nobody has read is closed as if it had been. */
START_TEST(test_connection) {
        int fd = foreign_file();

        ck_assert_int_eq((int) send_with_fds(pair[0], "x", 1, NULL, 0, 0), 1);
        for (size_t i = 0; i < 3; i++)
                ck_assert_int_eq((int) send_with_fds(pair[0], "x", 1, &fd, 1, 0), 1);
        ck_assert_int_eq(close(fd), 0);

        ck_assert_int_eq(safe_close_connection(pair[1]), -EBADF);
        ck_assert_int_lt(fcntl(pair[1], F_GETFD), 0);
        ck_assert_uint_eq(slow_close_get_helpers(NULL), 1);
        ck_assert_int_eq((int) send_with_fds(pair[0], "x", 1, NULL, 0, 0), -EPIPE);
        pair[1] = -EBADF;

        ck_assert_int_eq(safe_close_connection(-EBADF), -EBADF);
}
END_TEST

/* It is not left to the kernel to be rid of one. */
START_TEST(test_more_than_wanted) {
        union {
                struct cmsghdr header;
                uint8_t buf[CMSG_SPACE(sizeof(int) * 100)];
        } control = { .header = { CMSG_LEN(sizeof(int) * 100), SOL_SOCKET, SCM_RIGHTS } };
        struct msghdr mh = {
                .msg_iov = &(struct iovec) { (char *) "x", 1 },
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC), slow = foreign_file(), got;
        size_t n_fds = 1;
        char c;

        for (size_t i = 0; i < 100; i++)
                memcpy(CMSG_DATA(&control.header) + i * sizeof(int), i < 99 ? &null_fd : &slow, sizeof(int));
        ck_assert_int_eq((int) sendmsg(pair[0], &mh, 0), 1);
        ck_assert_int_eq(close(slow), 0);
        ck_assert_int_eq(close(null_fd), 0);

        ck_assert_int_eq((int) recv_with_foreign_fds(pair[1], &c, 1, &got, 1, &n_fds, 0), -EBADMSG);
        ck_assert_uint_eq(slow_close_get_helpers(NULL), 1);
}
END_TEST

START_TEST(test_own) {
        int fd = foreign_file();

        fd = received(fd, /* foreign= */ false);
        ck_assert_int_eq(safe_close(fd), -EBADF);
        ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
        ck_assert_uint_eq(slow_close_get_helpers(NULL), 0);
}
END_TEST

START_TEST(test_switched_off) {
        int fd;

        slow_close_disable();
        fd = foreign_file();
        fd = received(fd, /* foreign= */ true);
        ck_assert_int_eq(safe_close(fd), -EBADF);
        ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
}
END_TEST

START_TEST(test_dead_helper) {
        int fds[20], fd = foreign_file();
        const pid_t *helpers;

        fd = received(fd, /* foreign= */ true);
        (void) safe_close(fd);
        ck_assert(closes(fd));
        ck_assert_uint_eq(slow_close_get_helpers(&helpers), 1);
        ck_assert_int_eq(kill(helpers[0], SIGKILL), 0);
        ck_assert_int_eq(waitid(P_PID, (id_t) helpers[0], &(siginfo_t) {}, WEXITED | WNOWAIT | __WALL), 0);

        /* It is missed when nothing gets done. */
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = received(foreign_file(), /* foreign= */ true);
        close_many(fds, ELEMENTSOF(fds));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                ck_assert(closes(fds[i]));
}
END_TEST

/* In a child: of its own descriptors it has none left but those, and those that would keep it waiting. A socket would
 * not: who reads its other end would wait for the child. */
START_TEST(test_others) {
        int socket_fd = received(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), /* foreign= */ true);
        int marked = received(foreign_file(), /* foreign= */ true), low = open("/dev/null", O_RDONLY | O_CLOEXEC);
        int high = fcntl(low, F_DUPFD_CLOEXEC, 700), between = fcntl(low, F_DUPFD_CLOEXEC, 300), status;
        pid_t pid;

        ck_assert_int_ge(high, 700);
        ck_assert_int_ge(between, 300);

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                const int keep[] = { high, -EBADF, low };
                bool good = slow_close_others(keep, ELEMENTSOF(keep)) == 0;

                for (int fd = 0; fd < 1024; fd++)
                        good = good && (fcntl(fd, F_GETFD) >= 0) == (fd == low || fd == high || fd == marked);
                _exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
        }

        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);

        (void) close(between);
        (void) close(high);
        (void) close(low);
        (void) safe_close(socket_fd);
        (void) safe_close(marked);
        ck_assert(closes(socket_fd));
        ck_assert(closes(marked));
}
END_TEST

int main(void) {
        Suite *s = suite_create("slow-close");
        TCase *t = tcase_create("slow-close");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_set_timeout(t, 60);
        tcase_add_loop_test(t, test_at_once, 0, 5);
        tcase_add_test(t, test_by_helper);
        tcase_add_loop_test(t, test_sockets, 0, 2);
        tcase_add_test(t, test_duplicate);
        tcase_add_test(t, test_connection);
        tcase_add_test(t, test_more_than_wanted);
        tcase_add_test(t, test_own);
        tcase_add_test(t, test_switched_off);
        tcase_add_test(t, test_dead_helper);
        tcase_add_test(t, test_others);
        suite_add_tcase(s, t);

        return test_run_suite(s);
}
