/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>
#include <sys/socket.h>

#include "cradle-packet.h"
#include "fd-util.h"
#include "test-util.h"

static int sockets[2], some_fd;
static size_t fds_before;

static void setup(void) {
        fds_before = test_count_fds();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
        some_fd = memfd_new_sealed("test", "x", 1);
        ck_assert_int_ge(some_fd, 0);
}

/* Whatever a test sent, no descriptor stays behind. */
static void teardown(void) {
        close_many(sockets, 2);
        (void) safe_close(some_fd);
        ck_assert_uint_eq(test_count_fds(), fds_before);
}

static void check_same_file(int a, int b) {
        struct stat x, y;

        ck_assert_int_eq(fstat(a, &x), 0);
        ck_assert_int_eq(fstat(b, &y), 0);
        ck_assert_uint_eq(x.st_ino, y.st_ino);
        ck_assert_int_eq(fcntl(b, F_GETFD), FD_CLOEXEC);
}

START_TEST(test_request) {
        CradleRequest q = { .uid_base = 0x7fff0000, .share_network = true, .socket_fd = some_fd, .cgroup_fd = -EBADF }, got;

        for (int i = 0; i < 2; i++) {
                ck_assert_int_eq(cradle_send_request(sockets[0], &q), 0);
                ck_assert_int_eq(cradle_receive_request(sockets[1], &got), 0);
                ck_assert_uint_eq(got.uid_base, q.uid_base);
                ck_assert_int_eq(got.share_network, q.share_network);
                check_same_file(some_fd, got.socket_fd);
                ck_assert_int_eq(got.cgroup_fd >= 0, q.cgroup_fd >= 0);
                if (got.cgroup_fd >= 0)
                        check_same_file(sockets[0], got.cgroup_fd);
                (void) safe_close(got.socket_fd);
                (void) safe_close(got.cgroup_fd);

                q = (CradleRequest) { .uid_base = 1, .socket_fd = some_fd, .cgroup_fd = sockets[0] };
        }
}
END_TEST

START_TEST(test_reply) {
        const CradleReply replies[] = {
                { .pid = 4711, .pidfd = some_fd },
                { .pid = 4711, .pidfd = some_fd, .step = STEP_USER, .error = EPERM },
                { .pidfd = -EBADF, .step = STEP_LOOPBACK, .error = ENOMEM },
        };
        CradleReply got;

        for (size_t i = 0; i < ELEMENTSOF(replies); i++) {
                const CradleReply *p = replies + i;

                ck_assert_int_eq(cradle_send_reply(sockets[0], p), 0);
                ck_assert_int_eq(cradle_receive_reply(sockets[1], &got), 0);
                ck_assert_int_eq(got.pid, p->pid);
                ck_assert_int_eq(got.step, p->step);
                ck_assert_int_eq(got.error, p->error);
                ck_assert_int_eq(got.pidfd >= 0, p->pidfd >= 0);
                if (got.pidfd >= 0)
                        check_same_file(some_fd, got.pidfd);
                (void) safe_close(got.pidfd);
        }
}
END_TEST

START_TEST(test_garbage) {
        const CradleReply replies[] = {
                { .pid = 0, .pidfd = some_fd },
                { .pid = -1, .pidfd = some_fd },
                { .pid = 4711, .pidfd = -EBADF },
                { .pid = 4711, .pidfd = -EBADF, .error = EPERM },
                { .pidfd = -EBADF },
                { .pidfd = -EBADF, .step = _STEP_MAX, .error = EPERM },
                { .pidfd = -EBADF, .step = _STEP_INVALID, .error = EPERM },
                { .pidfd = -EBADF, .error = -EPERM },
                { .pidfd = -EBADF, .error = 4096 },
        };
        CradleRequest q;
        CradleReply p;

        for (size_t i = 0; i < ELEMENTSOF(replies); i++) {
                ck_assert_int_eq(cradle_send_reply(sockets[0], replies + i), 0);
                ck_assert_int_eq(cradle_receive_reply(sockets[1], &p), -EBADMSG);
        }

        /* Too short, too long; the right size, but without a socket; with more descriptors than there are. */
        ck_assert_int_eq(send_with_fds(sockets[0], "x", 1, &some_fd, 1, 0), 1);
        ck_assert_int_eq(cradle_receive_request(sockets[1], &q), -EBADMSG);
        ck_assert_int_eq(send_with_fds(sockets[0], "xxxxxxxxxxxxxxxx", 16, &some_fd, 1, 0), 16);
        ck_assert_int_eq(cradle_receive_request(sockets[1], &q), -EBADMSG);
        ck_assert_int_eq(send_with_fds(sockets[0], "xxxxxxxx", 8, NULL, 0, 0), 8);
        ck_assert_int_eq(cradle_receive_request(sockets[1], &q), -EBADMSG);
        ck_assert_int_eq(send_with_fds(sockets[0], "xxxxxxxx", 8, (int[]) { some_fd, some_fd, some_fd }, 3, 0), 8);
        ck_assert_int_eq(cradle_receive_request(sockets[1], &q), -EBADMSG);
}
END_TEST

START_TEST(test_end) {
        CradleRequest q;
        CradleReply p;

        ck_assert_int_eq(cradle_receive_request(sockets[1], &q), -EAGAIN);
        ck_assert_int_eq(cradle_receive_reply(sockets[1], &p), -EAGAIN);
        sockets[0] = safe_close(sockets[0]);
        ck_assert_int_eq(cradle_receive_request(sockets[1], &q), -ECONNRESET);
        ck_assert_int_eq(cradle_receive_reply(sockets[1], &p), -ECONNRESET);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_request, test_reply, test_garbage, test_end };

        return test_run("cradle-packet", tests, ELEMENTSOF(tests), setup, teardown);
}
