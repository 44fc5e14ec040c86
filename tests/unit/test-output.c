/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "fd-util.h"
#include "output.h"
#include "slow-close.h"
#include "test-util.h"

static size_t fds_before;

static void setup(void) {
        fds_before = test_count_fds();
}

static void teardown(void) {
        ck_assert_uint_eq(test_count_fds(), fds_before);
}

static off_t size_of(int fd) {
        struct stat st;

        ck_assert_int_eq(fstat(fd, &st), 0);
        return st.st_size;
}

static void write_bytes(int fd, size_t n) {
        char buf[4096];

        memset(buf, 'x', sizeof(buf));
        for (; n > 0; n -= MIN(n, sizeof(buf)))
                ck_assert_int_eq(fd_write_full(fd, buf, MIN(n, sizeof(buf))), 0);
}

START_TEST(test_capture) {
        Output o = OUTPUT_NULL;
        int child;

        ck_assert_int_eq(output_open(&o, -EBADF, /* captured= */ true, 1000, 1 << 20, &child), 0);
        ck_assert_int_eq(o.state, OUTPUT_PUMP);

        write_bytes(child, 1000);
        ck_assert(output_is_pending(&o));
        output_pump(&o);
        ck_assert(!o.exceeded);
        ck_assert(!output_is_pending(&o));

        (void) safe_close(child);
        output_pump(&o);
        ck_assert_int_eq(o.state, OUTPUT_CLOSED); /* at its limit, and nothing more can come */
        ck_assert(!o.exceeded);
        ck_assert_uint_eq(output_finish(&o), 1000);
        ck_assert_int_eq(size_of(o.target_fd), 1000);
        output_done(&o);
}
END_TEST

START_TEST(test_capture_exceeded) {
        Output o = OUTPUT_NULL;
        int child;

        ck_assert_int_eq(output_open(&o, -EBADF, /* captured= */ true, 1000, 1 << 20, &child), 0);
        write_bytes(child, 1001);
        output_pump(&o);
        ck_assert(o.exceeded);
        ck_assert_int_eq(o.state, OUTPUT_CLOSED);
        ck_assert_uint_eq(output_finish(&o), 1000);
        ck_assert_int_eq(size_of(o.target_fd), 1000);
        (void) safe_close(child);
        output_done(&o);
}
END_TEST

START_TEST(test_zero_limit) {
        Output o = OUTPUT_NULL;
        int child;

        ck_assert_int_eq(output_open(&o, -EBADF, /* captured= */ true, 0, 1 << 20, &child), 0);
        output_pump(&o);
        ck_assert(!o.exceeded);
        write_bytes(child, 1);
        output_pump(&o);
        ck_assert(o.exceeded);
        (void) safe_close(child);
        output_done(&o);
}
END_TEST

/* A regular file that is empty is written by the program itself; one that is not, is not. */
START_TEST(test_direct) {
        Output o = OUTPUT_NULL;
        int child, fd;

        fd = memfd_create("t", MFD_CLOEXEC);
        ck_assert_int_eq(output_open(&o, fd, false, 1000, 1000, &child), 0);
        ck_assert_int_eq(o.state, OUTPUT_DIRECT);
        write_bytes(child, 1001);
        ck_assert_uint_eq(output_finish(&o), 1001);
        ck_assert(o.exceeded);
        (void) safe_close(child);
        output_done(&o);

        fd = memfd_create("t", MFD_CLOEXEC);
        write_bytes(fd, 10);
        ck_assert_int_eq(output_open(&o, fd, false, 1000, 1000, &child), 0);
        ck_assert_int_eq(o.state, OUTPUT_PUMP);
        write_bytes(child, 7);
        output_pump(&o);
        ck_assert_int_eq(size_of(o.target_fd), 17);
        ck_assert_uint_eq(output_finish(&o), 7);
        (void) safe_close(child);
        output_done(&o);

        /* The stream's limit is the smaller one: RLIMIT_FSIZE cannot stand for it. */
        fd = memfd_create("t", MFD_CLOEXEC);
        ck_assert_int_eq(output_open(&o, fd, false, 999, 1000, &child), 0);
        ck_assert_int_eq(o.state, OUTPUT_PUMP);
        (void) safe_close(child);
        output_done(&o);
}
END_TEST

START_TEST(test_append) {
        char name[] = "/tmp/judgebox-test-XXXXXX";
        Output o = OUTPUT_NULL;
        int child, fd;

        (void) safe_close(mkostemp(name, O_CLOEXEC));
        fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(unlink(name), 0);

        ck_assert_int_eq(output_open(&o, fd, false, 1000, 1000, &child), 0);
        ck_assert_int_eq(o.state, OUTPUT_PUMP);
        write_bytes(child, 100);
        output_pump(&o);
        ck_assert_int_eq(size_of(o.target_fd), 100);
        (void) safe_close(child);
        output_done(&o);
}
END_TEST

/* A reader that does not read holds nobody up but the program: every call comes back, and nothing is lost. */
static void check_slow_reader(int target, int reader) {
        const size_t total = 3 << 20;
        size_t sent = 0, received = 0;
        Output o = OUTPUT_NULL;
        char buf[16384];
        int child, fd;
        short events;

        ck_assert_int_eq(output_open(&o, target, false, total, total, &child), 0);
        ck_assert_int_eq(o.state, OUTPUT_PUMP);
        ck_assert_int_eq(fd_set_nonblock(child, true), 0);
        ck_assert_int_eq(fd_set_nonblock(reader, true), 0);
        memset(buf, 'y', sizeof(buf));

        while (received < total) {
                ssize_t n;
                bool stuck = true;

                while (sent < total && (n = write(child, buf, MIN(sizeof(buf), total - sent))) > 0) {
                        sent += (size_t) n;
                        stuck = false;
                }
                output_pump(&o);
                ck_assert(output_get_poll(&o, &fd, &events));

                n = read(reader, buf, sizeof(buf));
                if (n > 0) {
                        received += (size_t) n;
                        stuck = false;
                }
                ck_assert_msg(!stuck, "after %zu sent, %zu received", sent, received);
        }

        ck_assert_uint_eq(output_finish(&o), total);
        ck_assert(!o.exceeded);
        (void) safe_close(child);
        (void) safe_close(reader);
        output_done(&o);
}

START_TEST(test_slow_pipe) {
        int p[2];

        ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
        check_slow_reader(p[1], p[0]);
}
END_TEST

START_TEST(test_slow_socket) {
        int p[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
        check_slow_reader(p[1], p[0]);
}
END_TEST

START_TEST(test_reader_gone) {
        Output o = OUTPUT_NULL;
        int p[2], child;

        (void) signal(SIGPIPE, SIG_IGN); /* as PID 1 of a box is by nature */

        ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
        (void) safe_close(p[0]);
        ck_assert_int_eq(output_open(&o, p[1], false, 1000, 1000, &child), 0);
        write_bytes(child, 10);
        output_pump(&o);
        ck_assert_int_eq(o.state, OUTPUT_CLOSED);
        ck_assert(!o.exceeded);
        ck_assert_int_eq(write(child, "x", 1), -1);
        ck_assert_int_eq(errno, EPIPE);
        (void) safe_close(child);
        output_done(&o);
}
END_TEST

START_TEST(test_null) {
        Output o = OUTPUT_NULL;
        int child;

        ck_assert_int_eq(output_open(&o, open("/dev/null", O_WRONLY | O_CLOEXEC), false, 10, 10, &child), 0);
        ck_assert_int_eq(o.state, OUTPUT_NONE);
        write_bytes(child, 1000);
        output_pump(&o);
        ck_assert(!o.exceeded);
        ck_assert_uint_eq(output_finish(&o), RESULT_UNKNOWN);
        (void) safe_close(child);
        output_done(&o);
}
END_TEST

static void read_exactly(int fd, size_t n) {
        char buf[4096];

        while (n > 0) {
                ssize_t k = read(fd, buf, MIN(n, sizeof(buf)));

                ck_assert_int_gt(k, 0);
                n -= (size_t) k;
        }
}

START_TEST(test_record) {
        Output o = OUTPUT_NULL;
        int child, p[2];
        char end;

        ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
        ck_assert_int_eq(output_open(&o, p[1], false, 1000000, 1000000, &child), 0);
        ck_assert_int_eq(output_record(&o, 5000), 0);

        write_bytes(child, 3000);
        output_pump(&o);
        ck_assert_int_eq(size_of(output_get_memfd(&o)), 3000);
        read_exactly(p[0], 3000);

        /* The cap ends the record, not the stream. */
        write_bytes(child, 3000);
        output_pump(&o);
        ck_assert_int_eq(size_of(output_get_memfd(&o)), 5000);
        read_exactly(p[0], 3000);
        ck_assert_uint_eq(o.bytes, 6000);

        /* The end reaches the reader, and the record stays. */
        (void) safe_close(child);
        output_pump(&o);
        ck_assert_int_eq(read(p[0], &end, 1), 0);
        output_release(&o);
        ck_assert_int_eq(size_of(output_get_memfd(&o)), 5000);
        output_done(&o);
        (void) safe_close(p[0]);
}
END_TEST

/* A reader who takes less than there is: what waits for him is recorded once. */
START_TEST(test_record_blocked) {
        size_t total = 300000, sent = 0, got = 0;
        Output o = OUTPUT_NULL;
        int child, p[2], fd;
        char buf[10000];
        ssize_t n;

        ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
        ck_assert_int_eq(output_open(&o, p[1], false, 1000000, 1000000, &child), 0);
        ck_assert_int_eq(output_record(&o, 1000000), 0);
        ck_assert_int_eq(fd_set_nonblock(child, true), 0);
        ck_assert_int_eq(fd_set_nonblock(p[0], true), 0);

        while (got < total) {
                for (size_t k = 0; k < sizeof(buf); k++)
                        buf[k] = (char) ((sent + k) % 251);
                if (sent < total) {
                        n = write(child, buf, MIN(sizeof(buf), total - sent));
                        sent += n > 0 ? (size_t) n : 0;
                }

                output_pump(&o);
                n = read(p[0], buf, 7001);
                got += n > 0 ? (size_t) n : 0;
        }

        fd = output_get_memfd(&o);
        ck_assert_int_eq(size_of(fd), (off_t) total);
        for (size_t at = 0; at < total; at += (size_t) n) {
                n = pread(fd, buf, sizeof(buf), (off_t) at);
                ck_assert_int_gt(n, 0);
                for (size_t k = 0; k < (size_t) n; k++)
                        ck_assert_int_eq((unsigned char) buf[k], (int) ((at + k) % 251));
        }

        (void) safe_close(child);
        (void) safe_close(p[0]);
        output_done(&o);
}
END_TEST

/* Neither memory nor on a disk, and says what was written: as much as the kernel says of a file that a server has. */
static int foreign_file(void) {
        int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        slow_close_enable();
        slow_close_mark(fd);
        ck_assert(slow_close_is_marked(fd));
        return fd;
}

/* It is another that closes it; two are for talking to that one. */
static void forget_foreign_file(Output *o) {
        output_done(o);
        for (int i = 0; i < 1000 && test_count_fds() > fds_before + 2; i++)
                (void) nanosleep(&(struct timespec) { .tv_nsec = 5000000 }, NULL);
        slow_close_disable();
}

static void pump_to_the_end(Output *o) {
        struct pollfd p;

        while (output_is_pending(o)) {
                ck_assert(output_get_poll(o, &p.fd, &p.events));
                ck_assert_int_eq(poll(&p, 1, 10000), 1);
                output_pump(o);
        }
}

START_TEST(test_foreign_file) {
        int child, fd = foreign_file(), reader = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
        Output o = OUTPUT_NULL;
        char buf[16] = {};

        ck_assert_int_eq(output_open(&o, fd, false, 4, 1000, &child), 0);
        ck_assert_int_eq(o.state, OUTPUT_PUMP);
        ck_assert(!o.copy);

        /* Up to its limit, so that nothing but the end of the pipe tells that there is no more. */
        ck_assert_int_eq(fd_write_full(child, "1000", 4), 0);
        (void) safe_close(child);
        output_pump(&o);
        ck_assert_int_eq(o.state, OUTPUT_CLOSED);
        pump_to_the_end(&o);
        ck_assert(!o.exceeded);
        ck_assert_uint_eq(output_finish(&o), 4);
        ck_assert_int_gt(pread(reader, buf, sizeof(buf) - 1, 0), 0);
        ck_assert_str_eq(buf, "1000\n");

        (void) safe_close(reader);
        forget_foreign_file(&o);
}
END_TEST

/* A socket does not keep us waiting, though closing it might. */
START_TEST(test_foreign_socket) {
        int child, p[2];
        Output o = OUTPUT_NULL;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
        slow_close_enable();
        slow_close_mark(p[1]);
        ck_assert(slow_close_is_marked(p[1]));

        ck_assert_int_eq(output_open(&o, p[1], false, 1000, 1000, &child), 0);
        ck_assert(o.copy);
        ck_assert_int_eq(o.writer.pid, 0);
        (void) safe_close(child);
        (void) safe_close(p[0]);
        forget_foreign_file(&o);
}
END_TEST

/* One that takes nothing is to the program as a reader that is gone. */
START_TEST(test_foreign_file_refuses) {
        int child, fd = foreign_file();
        Output o = OUTPUT_NULL;

        (void) signal(SIGPIPE, SIG_IGN);
        ck_assert_int_eq(output_open(&o, fd, false, 100, 1000, &child), 0);
        ck_assert_int_eq(fd_write_full(child, "no number", 9), 0);
        while (o.state == OUTPUT_PUMP) {
                (void) write(child, "x", 1);
                output_pump(&o);
                (void) nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
        }
        pump_to_the_end(&o);
        (void) safe_close(child);
        forget_foreign_file(&o);
}
END_TEST

/* Only what goes through a pipe of ours by itself. */
START_TEST(test_record_refused) {
        Output o = OUTPUT_NULL;
        int child;

        ck_assert_int_eq(output_open(&o, -EBADF, /* captured= */ true, 10, 10, &child), 0);
        ck_assert_int_eq(output_record(&o, 10), -EINVAL);
        (void) safe_close(child);
        output_done(&o);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_capture, test_capture_exceeded, test_zero_limit,  test_direct, test_append,
                test_slow_pipe, test_slow_socket,    test_reader_gone, test_null,
                test_record,    test_record_blocked, test_record_refused,
                test_foreign_file, test_foreign_file_refuses, test_foreign_socket,
        };

        return test_run("output", tests, ELEMENTSOF(tests), setup, teardown);
}
