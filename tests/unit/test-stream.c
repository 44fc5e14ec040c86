/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pty.h>
#include <signal.h>
#include <sys/mman.h>

#include "copy.h"
#include "host-file.h"
#include "stream.h"
#include "string-util.h"
#include "test-util.h"

#include <ftw.h>
#include <sys/stat.h>

static char directory[32];
static int dir_fd = -EBADF;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void setup(void) {
        (void) signal(SIGPIPE, SIG_IGN);
        (void) stpcpy(directory, "/tmp/test-stream-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        dir_fd = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(dir_fd, 0);
}

static void teardown(void) {
        dir_fd = safe_close(dir_fd);
        ck_assert_int_eq(nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

START_TEST(test_can_pass) {
        _cleanup_close_pair_ int p[2] = EBADF_PAIR, stream[2] = EBADF_PAIR, seqpacket[2] = EBADF_PAIR, pty[2] = EBADF_PAIR;
        _cleanup_close_ int file = memfd_create("x", MFD_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC),
                            zero = open("/dev/zero", O_RDWR | O_CLOEXEC);

        ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, seqpacket), 0);
        ck_assert_int_eq(openpty(&pty[0], &pty[1], NULL, NULL, NULL), 0);

        ck_assert(stream_can_pass(file, true) && stream_can_pass(file, false));
        ck_assert(stream_can_pass(p[0], true) && stream_can_pass(p[1], false));
        ck_assert(stream_can_pass(null, true) && stream_can_pass(null, false));
        ck_assert(!stream_can_pass(stream[0], true) && stream_can_pass(stream[0], false));
        ck_assert(!stream_can_pass(seqpacket[0], false));
        ck_assert(!stream_can_pass(zero, true) && !stream_can_pass(zero, false));
        /* Least of all: who holds a terminal can type into it. */
        ck_assert(!stream_can_pass(pty[1], true) && !stream_can_pass(pty[1], false));
        ck_assert(!stream_can_pass(dir_fd, true));
}
END_TEST

static bool step(Relay *r) {
        struct pollfd p = relay_poll(r);

        if (p.fd < 0 || poll(&p, 1, 0) <= 0)
                return false;

        relay_process(r, p.revents);
        return true;
}

START_TEST(test_output) {
        _cleanup_close_pair_ int out[2] = EBADF_PAIR;
        _cleanup_(relay_freep) Relay *r = NULL;
        _cleanup_close_ int program = -EBADF;
        char buf[64];

        ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
        ck_assert_int_eq(relay_new(out[1], /* input= */ false, &r, &program), 0);

        ck_assert(!step(r));
        ck_assert_int_eq(write(program, "hello", 5), 5);
        ck_assert(step(r) && step(r));
        ck_assert_int_eq(read(out[0], buf, sizeof(buf)), 5);

        /* What is in the pipe when the program has ended is not lost; nobody waits for more, though the other
         * end is still open. */
        ck_assert_int_eq(write(program, "late", 4), 4);
        relay_drain(r);
        ck_assert_int_eq(read(out[0], buf, sizeof(buf)), 4);
        ck_assert_int_eq(relay_poll(r).fd, -EBADF);
}
END_TEST

START_TEST(test_output_gone) {
        _cleanup_close_pair_ int out[2] = EBADF_PAIR;
        _cleanup_(relay_freep) Relay *r = NULL;
        _cleanup_close_ int program = -EBADF;

        ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
        ck_assert_int_eq(relay_new(out[1], /* input= */ false, &r, &program), 0);
        out[0] = safe_close(out[0]);

        /* The program learns it as it would without us. */
        ck_assert_int_eq(write(program, "hello", 5), 5);
        while (step(r))
                ;
        ck_assert_int_lt(write(program, "hello", 5), 0);
        ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(test_input) {
        _cleanup_close_pair_ int in[2] = EBADF_PAIR;
        _cleanup_(relay_freep) Relay *r = NULL;
        _cleanup_close_ int program = -EBADF;
        char buf[64];

        ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
        ck_assert_int_eq(relay_new(in[0], /* input= */ true, &r, &program), 0);

        ck_assert_int_eq(write(in[1], "typed", 5), 5);
        ck_assert(step(r) && step(r));
        ck_assert_int_eq(read(program, buf, sizeof(buf)), 5);

        in[1] = safe_close(in[1]);
        ck_assert(step(r));
        ck_assert_int_eq(read(program, buf, sizeof(buf)), 0);
        ck_assert(!step(r));
}
END_TEST

START_TEST(test_input_unread) {
        _cleanup_close_pair_ int in[2] = EBADF_PAIR;
        _cleanup_(relay_freep) Relay *r = NULL;
        _cleanup_close_ int program = -EBADF;
        char buf[4096] = {};
        size_t n = 0;

        ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
        ck_assert_int_eq(fd_set_nonblock(in[1], true), 0);
        ck_assert_int_eq(relay_new(in[0], /* input= */ true, &r, &program), 0);

        /* A program that does not read makes nobody wait, and neither does one that is gone. */
        while (write(in[1], buf, sizeof(buf)) > 0)
                while (step(r))
                        n++;
        ck_assert_uint_gt(n, 0);
        ck_assert(!step(r));

        program = safe_close(program);
        while (step(r))
                ;
        ck_assert_int_eq(relay_poll(r).fd, -EBADF);
}
END_TEST

START_TEST(test_host_file) {
        _cleanup_close_ int fd = -EBADF, sub = -EBADF;
        struct stat st;

        (void) umask(022);
        ck_assert_int_eq(host_file_create(dir_fd, "a", false, &fd), 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0644);
        ck_assert_int_eq(write(fd, "old content", 11), 11);
        fd = safe_close(fd);

        ck_assert_int_eq(host_file_create(dir_fd, "a", false, &fd), 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_int_eq(st.st_size, 0);
        fd = safe_close(fd);

        ck_assert_int_eq(host_file_create(dir_fd, "x", true, &fd), 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0755);
        fd = safe_close(fd);

        ck_assert_int_eq(symlinkat("a", dir_fd, "link"), 0);
        ck_assert_int_eq(symlinkat("/tmp", dir_fd, "dirlink"), 0);
        ck_assert_int_eq(mkfifoat(dir_fd, "fifo", 0600), 0);
        ck_assert_int_eq(host_file_create(dir_fd, "link", false, &fd), -ELOOP);
        ck_assert_int_eq(host_file_create(dir_fd, "fifo", false, &fd), -ENXIO);
        ck_assert_int_eq(host_file_create(dir_fd, "../a", false, &fd), -EINVAL);
        ck_assert_int_eq(host_file_create(dir_fd, "..", false, &fd), -EINVAL);
        ck_assert_int_eq(host_file_create(dir_fd, ".", false, &fd), -EINVAL);
        ck_assert_int_eq(host_file_create(dir_fd, "", false, &fd), -EINVAL);
        ck_assert_int_eq(host_file_create(dir_fd, "/tmp/a", false, &fd), -EINVAL);

        ck_assert_int_eq(host_directory_create(dir_fd, "d", &sub), 0);
        sub = safe_close(sub);
        ck_assert_int_eq(host_directory_create(dir_fd, "d", &sub), 0);
        sub = safe_close(sub);
        ck_assert_int_lt(host_directory_create(dir_fd, "dirlink", &sub), 0);
        ck_assert_int_lt(host_directory_create(dir_fd, "a", &sub), 0);
        ck_assert_int_eq(host_directory_create(dir_fd, "..", &sub), -EINVAL);
        ck_assert_int_eq(host_directory_create(dir_fd, "d/e", &sub), -EINVAL);
}
END_TEST

static int count(uint64_t done, uint64_t total, void *userdata) {
        unsigned *n = userdata;

        ck_assert_uint_le(done, total);
        (*n)++;
        return 0;
}

static int refuse(uint64_t done, uint64_t total, void *userdata) {
        return -EINTR;
}

START_TEST(test_copy) {
        _cleanup_close_ int source = memfd_create("source", MFD_CLOEXEC), destination = -EBADF;
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        const off_t size = (off_t) 1 << 40;
        struct stat st;
        unsigned n = 0;
        char buf[8];

        /* A terabyte of nothing, and six bytes. */
        ck_assert_int_eq(pwrite(source, "begin", 5, 0), 5);
        ck_assert_int_eq(pwrite(source, "!", 1, size / 2), 1);
        ck_assert_int_eq(ftruncate(source, size), 0);
        ck_assert_int_eq(host_file_create(dir_fd, "copy", false, &destination), 0);
        ck_assert_int_eq(copy_file(source, destination, count, &n), 0);
        ck_assert_uint_gt(n, 0);
        ck_assert_int_eq(fstat(destination, &st), 0);
        ck_assert_int_eq(st.st_size, size);
        ck_assert_int_lt(st.st_blocks, 1024);

        destination = safe_close(destination);
        destination = openat(dir_fd, "copy", O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(pread(destination, buf, 5, 0), 5);
        ck_assert_int_eq(memcmp(buf, "begin", 5), 0);
        ck_assert_int_eq(pread(destination, buf, 2, size / 2), 2);
        ck_assert_int_eq(memcmp(buf, "!", 2), 0);

        ck_assert_int_eq(copy_file(source, destination, refuse, NULL), -EBADF);
        destination = safe_close(destination);
        ck_assert_int_eq(host_file_create(dir_fd, "copy", false, &destination), 0);
        ck_assert_int_eq(copy_file(source, destination, refuse, NULL), -EINTR);

        /* Into a pipe there are no holes. */
        ck_assert_int_eq(ftruncate(source, 10), 0);
        ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
        ck_assert_int_eq(copy_file(source, p[1], NULL, NULL), 0);
        ck_assert_int_eq(read(p[0], buf, sizeof(buf)), 8);
        ck_assert_int_eq(read(p[0], buf, sizeof(buf)), 2);

        ck_assert_int_eq(copy_file(p[0], destination, NULL, NULL), -EINVAL);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_can_pass,     test_output,    test_output_gone, test_input,
                test_input_unread, test_host_file, test_copy,
        };

        return test_run("stream", tests, ELEMENTSOF(tests), setup, teardown);
}
