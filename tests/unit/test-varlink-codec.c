/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "fd-util.h"
#include "test-util.h"
#include "varlink-codec.h"

#define MESSAGE_MAX 1000U

static VarlinkCodec codec;
static int sockets[2]; /* the codec's, ours */
static size_t n_fds_before;

static void setup(void) {
        n_fds_before = test_count_fds();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
        varlink_codec_init(&codec, sockets[0], MESSAGE_MAX, 64 * 1024);
}

/* Whatever a test did, nothing may be left open. */
static void teardown(void) {
        varlink_codec_done(&codec);
        close_many(sockets, 2);
        ck_assert_uint_eq(test_count_fds(), n_fds_before);
}

/* A descriptor that says which one it is. */
static int numbered_fd(unsigned number) {
        int fd;

        fd = eventfd(number, EFD_CLOEXEC | EFD_NONBLOCK);
        ck_assert_int_ge(fd, 0);
        return fd;
}

static unsigned fd_number(int fd) {
        uint64_t v;

        ck_assert_int_eq(read(fd, &v, sizeof(v)), sizeof(v));
        return (unsigned) v;
}

/* Sends bytes with n numbered descriptors, the first of which is `first`. */
static void put(const char *data, size_t size, unsigned first, size_t n) {
        int fds[64];

        for (size_t i = 0; i < n; i++)
                fds[i] = numbered_fd(first + (unsigned) i);
        ck_assert_int_eq(send_with_fds(sockets[1], data, size, fds, n, 0), size);
        close_many(fds, n);
}

#define PUT(s, first, n) put(s, sizeof(s) - 1, first, n)

/* The next message, read for as often as it takes. Returns what ended it: 1, or what the codec said. */
static int next(char **ret, size_t *ret_size, int fds[static VARLINK_FDS_MAX], size_t *ret_n_fds) {
        const char *message;
        int r;

        for (;;) {
                r = varlink_codec_next(&codec, &message, ret_size, fds, ret_n_fds);
                if (r > 0) {
                        ck_assert_uint_eq(strlen(message), *ret_size);
                        *ret = strdup(message);
                        return 1;
                }
                if (r < 0)
                        return r;

                r = varlink_codec_read(&codec, MSG_DONTWAIT);
                if (r <= 0)
                        return r;
        }
}

/* The next message is this, and has n descriptors from `first` on. */
static void expect(const char *text, unsigned first, size_t n) {
        _cleanup_free_ char *message = NULL;
        int fds[VARLINK_FDS_MAX], r;
        size_t size, n_fds;

        r = next(&message, &size, fds, &n_fds);
        ck_assert_msg(r == 1, "%i instead of %s", r, text);
        ck_assert_str_eq(message, text);
        ck_assert_uint_eq(n_fds, n);
        for (size_t i = 0; i < n_fds; i++) {
                ck_assert(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
                ck_assert_uint_eq(fd_number(fds[i]), first + i);
        }
        close_many(fds, n_fds);
}

static void expect_end(int result) {
        _cleanup_free_ char *message = NULL;
        int fds[VARLINK_FDS_MAX];
        size_t size, n_fds;

        ck_assert_int_eq(next(&message, &size, fds, &n_fds), result);
}

START_TEST(test_whole) {
        expect_end(-EAGAIN);
        PUT("abc\0", 0, 0);
        expect("abc", 0, 0);
        expect_end(-EAGAIN);
        ck_assert(!varlink_codec_has_message(&codec));
        ck_assert(!varlink_codec_has_partial(&codec));

        /* An empty message is a message, if no JSON. */
        PUT("\0", 0, 0);
        expect("", 0, 0);

        PUT("one\0two\0\0three\0fo", 0, 0);
        expect("one", 0, 0);
        ck_assert(varlink_codec_has_message(&codec));
        expect("two", 0, 0);
        expect("", 0, 0);
        expect("three", 0, 0);
        ck_assert(!varlink_codec_has_message(&codec));
        ck_assert(varlink_codec_has_partial(&codec));
        expect_end(-EAGAIN);
        PUT("ur\0", 0, 0);
        expect("four", 0, 0);
        ck_assert(!varlink_codec_has_partial(&codec));
}
END_TEST

START_TEST(test_byte_by_byte) {
        static const char stream[] = "abc\0de\0\0f";

        for (size_t i = 0; i < sizeof(stream); i++) {
                put(stream + i, 1, 0, 0);
                if (stream[i] != '\0')
                        expect_end(-EAGAIN);
                else
                        expect(i == 3 ? "abc" : i == 6 ? "de" : i == 7 ? "" : "f", 0, 0);
        }
}
END_TEST

START_TEST(test_chunks) {
        char stream[16 * 1024], *p = stream;
        unsigned n = 0;

        while (p < stream + sizeof(stream) - 64)
                p += sprintf(p, "message %u", n++) + 1;

        for (size_t chunk = 1; chunk < 5000; chunk = chunk * 3 + 1) {
                unsigned k = 0;
                char text[32];

                for (const char *q = stream; q < p; q += chunk) {
                        put(q, MIN(chunk, (size_t) (p - q)), 0, 0);
                        do {
                                ck_assert_int_eq(varlink_codec_read(&codec, MSG_DONTWAIT), 1);
                                while (varlink_codec_has_message(&codec)) {
                                        (void) sprintf(text, "message %u", k++);
                                        expect(text, 0, 0);
                                }
                        } while (fd_wait_for_event(sockets[0], POLLIN, 0) > 0);
                }
                ck_assert_uint_eq(k, n);
                ck_assert(!varlink_codec_has_partial(&codec));
        }
}
END_TEST

START_TEST(test_size_limit) {
        char text[MESSAGE_MAX + 2];

        memset(text, 'x', sizeof(text));

        text[MESSAGE_MAX - 1] = '\0';
        put(text, MESSAGE_MAX, 0, 0);
        expect(text, 0, 0);

        text[MESSAGE_MAX - 1] = 'x';
        text[MESSAGE_MAX] = '\0';
        put(text, MESSAGE_MAX + 1, 0, 0);
        expect(text, 0, 0);

        /* Without its end it may still become one; with a byte more it cannot. */
        put(text, MESSAGE_MAX, 0, 0);
        expect_end(-EAGAIN);
        PUT("x", 0, 0);
        expect_end(-EMSGSIZE);
}
END_TEST

START_TEST(test_size_limit_whole) {
        char text[MESSAGE_MAX + 2];

        memset(text, 'x', sizeof(text));
        text[MESSAGE_MAX + 1] = '\0';
        put(text, MESSAGE_MAX + 2, 0, 0);
        expect_end(-EMSGSIZE);
}
END_TEST

START_TEST(test_size_limit_second) {
        char text[MESSAGE_MAX + 8] = "a";

        memset(text + 2, 'x', MESSAGE_MAX + 1);
        put(text, MESSAGE_MAX + 4, 0, 0);
        expect("a", 0, 0);
        expect_end(-EMSGSIZE);
}
END_TEST

START_TEST(test_feed) {
        const char *message;
        size_t size, n_fds;
        int fds[VARLINK_FDS_MAX];

        ck_assert_int_eq(varlink_codec_feed(&codec, "ab", 2), 0);
        ck_assert_int_eq(varlink_codec_next(&codec, &message, &size, fds, &n_fds), 0);
        ck_assert_int_eq(varlink_codec_feed(&codec, "c\0d", 3), 0);
        ck_assert_int_eq(varlink_codec_feed(&codec, NULL, 0), 0);
        ck_assert_int_eq(varlink_codec_next(&codec, &message, &size, fds, &n_fds), 1);
        ck_assert_str_eq(message, "abc");
        ck_assert_uint_eq(size, 3);
        ck_assert_uint_eq(n_fds, 0);
        ck_assert(varlink_codec_has_partial(&codec));
}
END_TEST

START_TEST(test_end_of_stream) {
        PUT("abc\0d", 0, 0);
        ck_assert_int_eq(shutdown(sockets[1], SHUT_WR), 0);
        expect("abc", 0, 0);
        expect_end(0);
        ck_assert(varlink_codec_has_partial(&codec));
}
END_TEST

START_TEST(test_fds) {
        PUT("a\0", 10, 1);
        expect("a", 10, 1);
        PUT("b\0", 20, VARLINK_FDS_MAX);
        expect("b", 20, VARLINK_FDS_MAX);
        PUT("\0", 40, 2);
        expect("", 40, 2);

        /* The first byte with descriptors, the others later. */
        PUT("c", 50, 3);
        expect_end(-EAGAIN);
        PUT("d\0", 0, 0);
        expect("cd", 50, 3);
}
END_TEST

/* Everything is in the socket before any of it is read. */
START_TEST(test_fds_pipelined) {
        PUT("a\0", 0, 0);
        PUT("b\0", 10, 1);
        PUT("c\0", 20, 2);
        PUT("d\0", 0, 0);
        PUT("e\0f\0", 30, 1);
        PUT("g\0h", 0, 0);
        PUT("i\0", 0, 0);
        PUT("j\0", 40, 1);
        PUT("k\0", 0, 0);

        expect("a", 0, 0);
        expect("b", 10, 1);
        expect("c", 20, 2);
        expect("d", 0, 0);
        expect("e", 30, 1);
        expect("f", 0, 0);
        expect("g", 0, 0);
        expect("hi", 0, 0);
        expect("j", 40, 1);
        expect("k", 0, 0);
        expect_end(-EAGAIN);
}
END_TEST

START_TEST(test_fds_in_the_middle) {
        PUT("a", 0, 0);
        PUT("b\0", 10, 1);
        expect_end(-EBADMSG);
}
END_TEST

START_TEST(test_fds_in_the_middle_later) {
        PUT("a", 0, 0);
        expect_end(-EAGAIN);
        PUT("b\0", 10, 1);
        expect_end(-EBADMSG);
}
END_TEST

START_TEST(test_fds_in_the_middle_of_the_second) {
        PUT("a\0b", 0, 0);
        PUT("c\0", 10, 1);
        expect("a", 0, 0);
        expect_end(-EBADMSG);
}
END_TEST

/* They came with the first byte of the piece, which is the NUL of a message before. */
START_TEST(test_fds_with_the_end) {
        PUT("a", 0, 0);
        PUT("\0b\0", 10, 1);
        expect_end(-EBADMSG);
}
END_TEST

START_TEST(test_fds_twice) {
        PUT("a", 10, 1);
        PUT("b\0", 20, 1);
        expect_end(-EBADMSG);
}
END_TEST

START_TEST(test_fds_too_many) {
        PUT("a\0", 10, VARLINK_FDS_MAX + 1);
        expect_end(-EBADMSG);
}
END_TEST

/* More than the buffer for control messages has room for: the kernel cuts them off. */
START_TEST(test_fds_far_too_many) {
        int fds[200];
        union {
                struct cmsghdr header;
                uint8_t buf[CMSG_SPACE(sizeof(fds))];
        } control = {};
        struct iovec iov = { .iov_base = (void *) "a", .iov_len = 2 };
        struct msghdr mh = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&mh);

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = sockets[1];
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
        memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
        ck_assert_int_eq(sendmsg(sockets[1], &mh, 0), 2);

        expect_end(-EBADMSG);
}
END_TEST

/* Descriptors that arrived with a message nobody fetched. */
START_TEST(test_fds_not_fetched) {
        PUT("a\0", 10, 3);
        ck_assert_int_eq(varlink_codec_read(&codec, MSG_DONTWAIT), 1);
        ck_assert(varlink_codec_has_message(&codec));
}
END_TEST

/* Messages of any size, some with descriptors, cut at random, read at random times: each arrives with its own. */
START_TEST(test_fds_random) {
        enum { N = 3000 };
        size_t sizes[64], n_fds[64];
        unsigned sent = 0, received = 0;
        uint32_t random = 4711 + (uint32_t) _i;

#define RANDOM(n) ((random = random * 1664525U + 1013904223U) >> 8) % (n)

        while (received < N) {
                while (sent < N && sent - received < 6 && RANDOM(3) > 0) {
                        char text[MESSAGE_MAX + 1];
                        size_t size = 1 + (RANDOM(4) == 0 ? RANDOM(MESSAGE_MAX) : RANDOM(20)), k = sent % 64;

                        memset(text, 'a' + (int) (sent % 26), size);
                        text[size] = '\0';
                        sizes[k] = size;
                        n_fds[k] = RANDOM(3) == 0 ? 1 + RANDOM(3) : 0;

                        for (size_t done = 0; done < size + 1;) {
                                size_t n = RANDOM(2) == 0 ? size + 1 - done : 1 + RANDOM(size + 1 - done);

                                put(text + done, n, sent * 8 + 1, done == 0 ? n_fds[k] : 0);
                                done += n;
                        }
                        sent++;
                }

                for (size_t n = RANDOM(8); n > 0 && received < sent; n--) {
                        char text[MESSAGE_MAX + 1];
                        size_t k = received % 64;

                        memset(text, 'a' + (int) (received % 26), sizes[k]);
                        text[sizes[k]] = '\0';
                        expect(text, received * 8 + 1, n_fds[k]);
                        received++;
                }
        }
}
END_TEST

/* A message larger than one piece of the socket's, with descriptors on either side. */
START_TEST(test_fds_large) {
        enum { SIZE = 400000 };
        _cleanup_free_ char *text = NULL;
        pid_t pid;

        varlink_codec_done(&codec);
        varlink_codec_init(&codec, sockets[0], SIZE, 0);

        text = malloc(SIZE + 1);
        memset(text, 'x', SIZE);
        text[SIZE] = '\0';

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                int fd = numbered_fd(10), n;

                PUT("a\0", 0, 0);
                n = (int) send_with_fds(sockets[1], text, SIZE + 1, &fd, 1, 0);
                PUT("b\0", 20, 1);
                _exit(n == SIZE + 1 ? EXIT_SUCCESS : EXIT_FAILURE);
        }

        sockets[1] = safe_close(sockets[1]);
        for (unsigned i = 0; i < 3; i++) {
                while (!varlink_codec_has_message(&codec))
                        ck_assert_int_eq(varlink_codec_read(&codec, 0), 1);
                expect(i == 0 ? "a" : i == 1 ? text : "b", i * 10, i > 0);
        }
        ck_assert_int_eq(varlink_codec_read(&codec, 0), 0);
}
END_TEST

/* Writes a message of this size, which begins with this letter. */
static int send_text(char letter, size_t size, const int *fds, size_t n_fds) {
        char *p;

        p = varlink_codec_begin(&codec, size);
        ck_assert_ptr_nonnull(p);
        memset(p, letter, size);
        return varlink_codec_send(&codec, size, fds, n_fds);
}

/* What arrives at our end in one read. */
static size_t take(char *buf, size_t size, size_t *ret_n_fds, unsigned *ret_first) {
        int fds[VARLINK_FDS_MAX];
        ssize_t n;

        n = recv_with_fds(sockets[1], buf, size, fds, ELEMENTSOF(fds), ret_n_fds, MSG_DONTWAIT);
        if (n == -EAGAIN) {
                *ret_n_fds = 0;
                return 0;
        }
        ck_assert_int_gt(n, 0);
        if (*ret_n_fds > 0)
                *ret_first = fd_number(fds[0]);
        close_many(fds, *ret_n_fds);
        return (size_t) n;
}

START_TEST(test_output) {
        unsigned first = 0;
        char buf[64];
        size_t n_fds;
        int fd = numbered_fd(7);

        ck_assert_int_eq(send_text('a', 3, NULL, 0), 0);
        ck_assert(!varlink_codec_has_output(&codec));
        ck_assert_uint_eq(take(buf, sizeof(buf), &n_fds, &first), 4);
        ck_assert_str_eq(buf, "aaa");
        ck_assert_uint_eq(n_fds, 0);

        ck_assert_int_eq(send_text('b', 0, &fd, 1), 0);
        ck_assert_uint_eq(take(buf, sizeof(buf), &n_fds, &first), 1);
        ck_assert_str_eq(buf, "");
        ck_assert_uint_eq(n_fds, 1);
        ck_assert_uint_eq(first, 7);

        /* It is still the caller's. */
        ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* A socket that is full: what waits keeps its order and its descriptors, up to the limit. */
START_TEST(test_output_queue) {
        unsigned n_sent = 0, n_received = 0, first = 0;
        size_t n, n_fds, waiting, left = 0;
        char buf[777];
        int r;

        for (;;) {
                int fd = numbered_fd(n_sent + 1);

                r = send_text((char) ('a' + n_sent % 26), 1000, &fd, 1);
                close(fd);
                if (r < 0)
                        break;
                n_sent++;
        }
        ck_assert_int_eq(r, -ENOBUFS);
        ck_assert(varlink_codec_has_output(&codec));
        ck_assert_uint_le(codec.out_size, codec.out_max);
        ck_assert_uint_gt(codec.out_size + 1001, codec.out_max);

        waiting = codec.out_size;
        ck_assert_int_eq(varlink_codec_flush(&codec), 0);
        ck_assert_uint_eq(codec.out_size, waiting);

        while (n_received < n_sent) {
                /* Not beyond the end of a message, or its descriptors could be the next one's. */
                n = take(buf, MIN(sizeof(buf), left > 0 ? left : 1001), &n_fds, &first);
                if (n == 0 || n_received >= 20)
                        ck_assert_int_eq(varlink_codec_flush(&codec), 0);
                if (n == 0)
                        continue;

                ck_assert_uint_eq(n_fds, left == 0);
                if (n_fds > 0)
                        ck_assert_uint_eq(first, n_received + 1);
                ck_assert_int_eq(buf[0], 'a' + (int) (n_received % 26));
                left = (left > 0 ? left : 1001) - n;
                n_received += left == 0;

                /* There is room for a small one now, but it may not overtake. */
                if (n_received == 20 && left == 0) {
                        waiting = codec.out_size;
                        ck_assert_int_eq(send_text('!', 1, NULL, 0), 0);
                        ck_assert_uint_eq(codec.out_size, waiting + 2);
                }
        }

        ck_assert_uint_eq(take(buf, sizeof(buf), &n_fds, &first), 2);
        ck_assert_str_eq(buf, "!");
        ck_assert(!varlink_codec_has_output(&codec));
        ck_assert_uint_eq(codec.out_size, 0);
}
END_TEST

/* Messages that the socket takes only in part, at once or from the queue: their descriptors go once. */
START_TEST(test_output_partly) {
        size_t size = 500000, received = 0, n_fds_received = 0;
        char buf[50000];

        varlink_codec_done(&codec);
        varlink_codec_init(&codec, sockets[0], MESSAGE_MAX, 2000000);

        for (unsigned i = 0; i < 3; i++) {
                int fd = numbered_fd(7);

                ck_assert_int_eq(send_text('x', size, &fd, 1), 0);
                close(fd);
        }
        ck_assert(varlink_codec_has_output(&codec));
        ck_assert_uint_lt(codec.out_size, 3 * size);

        while (received < 3 * (size + 1)) {
                unsigned first = 0;
                size_t n_fds;

                received += take(buf, sizeof(buf), &n_fds, &first);
                if (n_fds > 0)
                        ck_assert_uint_eq(first, 7);
                n_fds_received += n_fds;
                ck_assert_int_eq(varlink_codec_flush(&codec), 0);
        }
        ck_assert_uint_eq(n_fds_received, 3);
        ck_assert(!varlink_codec_has_output(&codec));
}
END_TEST

START_TEST(test_output_dropped) {
        int fd = numbered_fd(7);

        while (!varlink_codec_has_output(&codec))
                ck_assert_int_eq(send_text('x', 1000, &fd, 1), 0);
        ck_assert_int_eq(send_text('x', 1000, &fd, 1), 0);
        close(fd);
}
END_TEST

START_TEST(test_output_peer_gone) {
        sockets[1] = safe_close(sockets[1]);
        ck_assert_int_eq(send_text('x', 10, NULL, 0), -EPIPE);
}
END_TEST

int main(void) {
        Suite *s = suite_create("varlink-codec");
        TCase *c = tcase_create("all");

        tcase_set_timeout(c, 60);
        tcase_add_checked_fixture(c, setup, teardown);
        tcase_add_test(c, test_whole);
        tcase_add_test(c, test_byte_by_byte);
        tcase_add_test(c, test_chunks);
        tcase_add_test(c, test_size_limit);
        tcase_add_test(c, test_size_limit_whole);
        tcase_add_test(c, test_size_limit_second);
        tcase_add_test(c, test_feed);
        tcase_add_test(c, test_end_of_stream);
        tcase_add_test(c, test_fds);
        tcase_add_test(c, test_fds_pipelined);
        tcase_add_test(c, test_fds_in_the_middle);
        tcase_add_test(c, test_fds_in_the_middle_later);
        tcase_add_test(c, test_fds_in_the_middle_of_the_second);
        tcase_add_test(c, test_fds_with_the_end);
        tcase_add_test(c, test_fds_twice);
        tcase_add_test(c, test_fds_too_many);
        tcase_add_test(c, test_fds_far_too_many);
        tcase_add_test(c, test_fds_not_fetched);
        tcase_add_loop_test(c, test_fds_random, 0, 4);
        tcase_add_test(c, test_fds_large);
        tcase_add_test(c, test_output);
        tcase_add_test(c, test_output_queue);
        tcase_add_test(c, test_output_partly);
        tcase_add_test(c, test_output_dropped);
        tcase_add_test(c, test_output_peer_gone);
        suite_add_tcase(s, c);

        return test_run_suite(s);
}
