/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "cgroup-read.h"
#include "fd-util.h"
#include "message.h"
#include "test-util.h"

static int sockets[2];
static size_t fds_before;

static void setup(void) {
        fds_before = test_count_fds();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
}

/* Whatever a test sent, no descriptor stays behind. */
static void teardown(void) {
        close_many(sockets, 2);
        ck_assert_uint_eq(test_count_fds(), fds_before);
}

static const struct sock_filter allow = { .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW };

static void fill_spec(RunSpec *s) {
        run_spec_init(s);
        ck_assert_int_eq(strv_extend(&s->argv, "prog"), 0);
        ck_assert_int_eq(strv_extend(&s->argv, ""), 0);
        ck_assert_int_eq(strv_extend(&s->environment, "A=b"), 0);
        ck_assert_int_eq(free_and_strdup(&s->working_directory, "/box/sub"), 0);
        s->streams[0] = (StreamSpec) { .type = STREAM_FD, .fd = memfd_create("in", MFD_CLOEXEC) };
        s->streams[1] = (StreamSpec) { .type = STREAM_PATH, .fd = -EBADF, .path = strdup("out") };
        s->streams[2] = (StreamSpec) { .type = STREAM_STDOUT, .fd = -EBADF };
        s->exec_fd = memfd_create("exec", MFD_CLOEXEC);
        s->filter_fd = memfd_new_sealed("filter", &allow, sizeof(allow));
        s->trace = true;
        s->extra_fds[0] = memfd_create("extra", MFD_CLOEXEC);
        s->extra_targets[0] = 7;
        s->n_extra_fds = 1;
        limits_set(&s->limits, LIMIT_MEMORY, 4711);
        ck_assert_int_eq(limits_apply_defaults(&s->limits), 0);
        s->limits.cpu_set = strdup("0-1");
        s->degraded = DEGRADED_MEMORY;
        ck_assert_int_eq(path_rules_add(&s->allowed_paths, &(PathRule) { .path = (char *) "/usr", .read = true, .execute = true }), 0);
        ck_assert_int_eq(path_rules_add(&s->allowed_paths, &(PathRule) { .path = (char *) "x", .write = true, .optional = true }), 0);
}

START_TEST(test_execute) {
        struct sock_filter got;
        RunSpec s, t;
        Message m;

        fill_spec(&s);
        ck_assert_int_eq(message_send_execute(sockets[0], 9, 3, &s), 0);

        ck_assert_int_eq(message_receive(sockets[1], &m), 0);
        ck_assert_uint_eq(m.header.type, MESSAGE_EXECUTE);
        ck_assert_uint_eq(m.header.serial, 9);
        ck_assert_uint_eq(m.execute.run, 3);
        ck_assert_int_eq(message_parse_execute(&m, &t), 0);
        message_done(&m);

        ck_assert_uint_eq(strv_length(t.argv), 2);
        ck_assert_str_eq(t.argv[0], "prog");
        ck_assert_str_eq(t.argv[1], "");
        ck_assert_str_eq(t.environment[0], "A=b");
        ck_assert_str_eq(t.working_directory, "/box/sub");
        ck_assert_int_eq(t.streams[0].type, STREAM_FD);
        ck_assert_int_ge(t.streams[0].fd, 0);
        ck_assert_str_eq(t.streams[1].path, "out");
        ck_assert_int_eq(t.streams[2].type, STREAM_STDOUT);
        ck_assert_int_ge(t.exec_fd, 0);
        ck_assert_int_eq(pread(t.filter_fd, &got, sizeof(got), 0), sizeof(got));
        ck_assert_mem_eq(&got, &allow, sizeof(got));
        ck_assert(t.trace);
        ck_assert_uint_eq(t.n_extra_fds, 1);
        ck_assert_int_eq(t.extra_targets[0], 7);
        ck_assert_mem_eq(s.limits.values, t.limits.values, sizeof(s.limits.values));
        ck_assert_str_eq(t.limits.cpu_set, "0-1");
        ck_assert_int_eq(t.degraded, DEGRADED_MEMORY);
        ck_assert_uint_eq(t.allowed_paths.n, 2);
        ck_assert_str_eq(t.allowed_paths.rules[0].path, "/usr");
        ck_assert(t.allowed_paths.rules[0].read && t.allowed_paths.rules[0].execute);
        ck_assert(!t.allowed_paths.rules[0].write && !t.allowed_paths.rules[0].optional);
        ck_assert_str_eq(t.allowed_paths.rules[1].path, "x");
        ck_assert(t.allowed_paths.rules[1].write && t.allowed_paths.rules[1].optional);
        ck_assert(!t.allowed_paths.rules[1].read && !t.allowed_paths.rules[1].execute);

        run_spec_done(&s);
        run_spec_done(&t);
}
END_TEST

START_TEST(test_long_tail) {
        RunSpec s, t;
        Message m;

        fill_spec(&s);
        for (int i = 0; i < 10000; i++)
                ck_assert_int_eq(strv_extendf(&s.argv, "argument %i", i), 0);

        ck_assert_int_eq(message_send_execute(sockets[0], 1, 1, &s), 0);
        ck_assert_int_eq(message_receive(sockets[1], &m), 0);
        ck_assert_uint_ne(m.header.tail_in_fd, 0);
        ck_assert_int_eq(message_parse_execute(&m, &t), 0);
        message_done(&m);

        ck_assert_uint_eq(strv_length(t.argv), 10002);
        ck_assert_str_eq(t.argv[10001], "argument 9999");
        run_spec_done(&s);
        run_spec_done(&t);
}
END_TEST

START_TEST(test_configure) {
        BoxSettings s, t;
        Message m;

        box_settings_init(&s);
        s.share_network = s.keep_temporary = s.deny_tsc = true;
        s.binds[0] = (BindSpec) { .source_fd = memfd_create("b", MFD_CLOEXEC), .path = strdup("/opt/x"), .noexec = true };
        s.n_binds = 1;
        s.tmpfs[0] = (TmpfsSpec) { .path = strdup("/scratch"), .bytes = 77 };
        s.n_tmpfs = 1;
        s.host_name = strdup("h");

        ck_assert_int_eq(message_send_configure(sockets[0], 2, &s), 0);
        ck_assert_int_eq(message_receive(sockets[1], &m), 0);
        ck_assert_int_eq(message_parse_configure(&m, &t), 0);
        message_done(&m);

        ck_assert_uint_eq(t.storage_bytes, BOX_STORAGE_DEFAULT);
        ck_assert(t.share_network);
        ck_assert(t.keep_temporary);
        ck_assert(t.deny_tsc);
        ck_assert_uint_eq(t.n_binds, 1);
        ck_assert_str_eq(t.binds[0].path, "/opt/x");
        ck_assert(t.binds[0].noexec);
        ck_assert(!t.binds[0].writable);
        ck_assert_uint_eq(t.tmpfs[0].bytes, 77);
        ck_assert_str_eq(t.host_name, "h");
        ck_assert_ptr_null(t.domain_name);

        box_settings_done(&s);
        box_settings_done(&t);
}
END_TEST

START_TEST(test_prepare) {
        int fds[_RUN_CGROUP_FD_MAX], got[_RUN_CGROUP_FD_MAX];
        Message m;

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = i % 2 ? memfd_create("f", MFD_CLOEXEC) : -EBADF;

        ck_assert_int_eq(message_send_prepare(sockets[0], 0, 5, fds, ELEMENTSOF(fds)), 0);
        ck_assert_int_eq(message_receive(sockets[1], &m), 0);
        ck_assert_int_eq(message_parse_prepare(&m, got, ELEMENTSOF(got)), 0);
        message_done(&m);

        for (size_t i = 0; i < ELEMENTSOF(got); i++)
                ck_assert((got[i] >= 0) == (i % 2 == 1));
        close_many(fds, ELEMENTSOF(fds));
        close_many(got, ELEMENTSOF(got));
}
END_TEST

START_TEST(test_finished) {
        _cleanup_close_ int captured = memfd_create("c", MFD_CLOEXEC);
        TraceEntry trace[] = {
                { .class = PATH_READ, .number = 257, .count = 3, .path = (char *) "/etc/passwd" },
                { .class = PATH_EXEC, .number = 59, .count = 1, .path = (char *) "" },
        };
        Observed o = { .path = (char *) "/x", .trace = trace, .n_trace = 2, .trace_dropped = 5, .traced = true }, p;
        int out, err;
        RunResult r, q;
        Message m;

        run_result_init(&r);
        r.verdict = VERDICT_SIGNALED;
        r.signal = 11;
        r.cpu_usec = 12345;
        r.violation = (Violation) { .architecture = 1, .number = 101, .arguments = { 1, 2, 3, 4, 5, UINT64_MAX } };

        ck_assert_int_eq(message_send_finished(sockets[0], 4, 8, &r, &o, -EBADF, captured), 0);
        ck_assert_int_eq(message_receive(sockets[1], &m), 0);
        ck_assert_int_eq(message_parse_finished(&m, &q, &p, &out, &err), 0);
        ck_assert_uint_eq(m.finished.run, 8);
        message_done(&m);

        ck_assert_int_lt(out, 0);
        ck_assert_int_ge(err, 0);
        ck_assert_int_eq(q.verdict, VERDICT_SIGNALED);
        ck_assert_uint_eq(q.cpu_usec, 12345);
        ck_assert_uint_eq(q.memory_peak_bytes, RESULT_UNKNOWN);
        ck_assert_mem_eq(&q.violation, &r.violation, sizeof(r.violation));
        ck_assert_str_eq(p.path, "/x");
        ck_assert_uint_eq(p.n_trace, 2);
        ck_assert_int_eq(p.trace[0].class, PATH_READ);
        ck_assert_int_eq(p.trace[0].number, 257);
        ck_assert_uint_eq(p.trace[0].count, 3);
        ck_assert_str_eq(p.trace[0].path, "/etc/passwd");
        ck_assert_str_eq(p.trace[1].path, "");
        ck_assert_uint_eq(p.trace_dropped, 5);
        ck_assert(p.traced);
        observed_done(&p);
        (void) safe_close(err);
}
END_TEST

START_TEST(test_reply_with_data) {
        Message m;

        ck_assert_int_eq(message_send_reply(sockets[0], 6, -ENOENT, STEP_FILE, 1, 2, "abc", 4, -EBADF), 0);
        ck_assert_int_eq(message_receive(sockets[1], &m), 0);
        ck_assert_int_eq(m.reply.error, ENOENT);
        ck_assert_uint_eq(m.reply.step, STEP_FILE);
        ck_assert_uint_eq(m.reply.value2, 2);
        ck_assert_str_eq(m.tail, "abc");
        message_done(&m);

        ck_assert_int_eq(message_receive(sockets[1], &m), -EAGAIN);
        (void) shutdown(sockets[0], SHUT_RDWR);
        ck_assert_int_eq(message_receive(sockets[1], &m), -ECONNRESET);
}
END_TEST

/* Sends the message of another test with some bytes changed, and some descriptors. */
static int receive_mangled(size_t offset, const void *bytes, size_t size, size_t cut, int fd) {
        MessageExecute x = { .n_argv = 1, .header = {
                .magic = PROTOCOL_MAGIC, .version = PROTOCOL_VERSION, .type = MESSAGE_EXECUTE,
                .size = sizeof(x), .tail_size = 7 } };
        uint8_t buf[sizeof(x) + 7] = {};
        RunSpec spec;
        Message m;
        int r;

        memcpy(buf, &x, sizeof(x));
        buf[sizeof(x)] = 'p';
        if (size > 0)
                memcpy(buf + offset, bytes, size);

        ck_assert_int_eq(send_with_fds(sockets[0], buf, sizeof(buf) - cut, &fd, fd >= 0, 0), (ssize_t) (sizeof(buf) - cut));
        r = message_receive(sockets[1], &m);
        if (r < 0)
                return r;

        r = message_parse_execute(&m, &spec);
        if (r >= 0)
                run_spec_done(&spec);
        message_done(&m);
        return r;
}

START_TEST(test_malformed) {
        _cleanup_close_ int fd = memfd_create("x", MFD_CLOEXEC);
        uint32_t zero = 0, one = 1, two = 2, many = 1000000, all = UINT32_MAX;
        uint16_t bad = 99;
        uint8_t raw[3] = { 1, 2, 3 };
        Message m;

#define AT(field) offsetof(MessageExecute, field)
        /* Unchanged it is good: each of the following has one reason to be refused. */
        ck_assert_int_eq(receive_mangled(0, NULL, 0, 0, -1), 0);

        ck_assert_int_eq(receive_mangled(AT(header.magic), &zero, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(header.version), &bad, 2, 0, -1), -EPROTONOSUPPORT);
        ck_assert_int_eq(receive_mangled(AT(header.type), &bad, 2, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(header.size), &many, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(header.tail_size), &zero, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(header.tail_size), &all, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(header.tail_in_fd), &one, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(0, NULL, 0, 1, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(sizeof(MessageExecute) + 6, "x", 1, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(n_argv), &zero, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(n_argv), &two, 4, 0, -1), -EBADMSG); /* then a string is missing */
        ck_assert_int_eq(receive_mangled(AT(n_argv), &many, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(n_environment), &all, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(stream_types[0]), &one, 4, 0, -1), -EBADMSG); /* without one */
        ck_assert_int_eq(receive_mangled(AT(stream_types[1]), &all, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(has_exec_fd), &one, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(n_extra_fds), &many, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(degraded), &all, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(0, NULL, 0, 0, fd), -EBADMSG); /* one too many */
        ck_assert_int_eq(receive_mangled(AT(n_extra_fds), &one, 4, 0, fd), -EBADMSG); /* its target is 0 */
        ck_assert_int_eq(receive_mangled(AT(has_filter), &one, 4, 0, -1), -EBADMSG);
        ck_assert_int_eq(receive_mangled(AT(has_filter), &one, 4, 0, fd), -EBADMSG); /* it can still change */
        ck_assert_int_eq(receive_mangled(AT(trace), &one, 4, 0, -1), -EBADMSG); /* without a filter */
#undef AT

        ck_assert_int_eq(send_with_fds(sockets[0], raw, sizeof(raw), &fd, 1, 0), 3);
        ck_assert_int_eq(message_receive(sockets[1], &m), -EBADMSG);
}
END_TEST

START_TEST(test_unsealed_tail) {
        _cleanup_close_ int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        MessageFile f = { .header = { .magic = PROTOCOL_MAGIC, .version = PROTOCOL_VERSION, .type = MESSAGE_MKDIR,
                .size = sizeof(f), .tail_size = 2, .tail_in_fd = 1 } };
        Message m;

        ck_assert_int_eq(fd_write_full(fd, "a", 2), 0);
        ck_assert_int_eq(send_with_fds(sockets[0], &f, sizeof(f), &fd, 1, 0), sizeof(f));
        ck_assert_int_eq(message_receive(sockets[1], &m), -EBADMSG);

        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
        ck_assert_int_eq(send_with_fds(sockets[0], &f, sizeof(f), &fd, 1, 0), sizeof(f));
        ck_assert_int_eq(message_receive(sockets[1], &m), 0);
        ck_assert_str_eq(m.tail, "a");
        message_done(&m);
}
END_TEST

START_TEST(test_bad_result) {
        MessageFinished f = {};
        Message m;
        Observed o;
        RunResult r;
        int out, err;

        run_result_init(&f.result);
        f.result.verdict = _VERDICT_MAX;
        ck_assert_int_eq(message_send(sockets[0], MESSAGE_FINISHED, 0, &f, sizeof(f), NULL, 0, NULL, 0), 0);
        ck_assert_int_eq(message_receive(sockets[1], &m), 0);
        ck_assert_int_eq(message_parse_finished(&m, &r, &o, &out, &err), -EBADMSG);
        message_done(&m);
}
END_TEST

/* A filter of a size that cannot be one. */
START_TEST(test_filter_size) {
        static const uint8_t bytes[(FILTER_LENGTH_MAX + 1) * sizeof(struct sock_filter)];
        static const struct {
                size_t size;
                int r;
        } cases[] = {
                { 0, -EBADMSG }, { 7, -EBADMSG }, { 8, 0 }, { sizeof(bytes) - 8, 0 }, { sizeof(bytes), -EBADMSG },
        };
        uint32_t one = 1;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_close_ int fd = memfd_new_sealed("filter", bytes, cases[i].size);

                ck_assert_int_eq(receive_mangled(offsetof(MessageExecute, has_filter), &one, 4, 0, fd), cases[i].r);
        }
}
END_TEST

/* The tail of FINISHED, as a judgebox-init in wrong hands would make it. */
static int receive_observed(uint32_t n, uint32_t traced, const MessageTraceEntry *e, const char *path, size_t cut) {
        MessageFinished f = { .n_trace = n, .traced = traced };
        char tail[1 + sizeof(*e) + 16] = {};
        int out, err, r;
        RunResult result;
        Observed o;
        Message m;

        run_result_init(&f.result);
        memcpy(tail + 1, e, sizeof(*e));
        (void) strcpy(tail + 1 + sizeof(*e), path);
        ck_assert_int_eq(message_send(sockets[0], MESSAGE_FINISHED, 0, &f, sizeof(f), tail,
                                      1 + sizeof(*e) + strlen(path) + 1 - cut, NULL, 0), 0);
        r = message_receive(sockets[1], &m);
        if (r < 0)
                return r;

        r = message_parse_finished(&m, &result, &o, &out, &err);
        if (r >= 0)
                observed_done(&o);
        message_done(&m);
        return r;
}

START_TEST(test_bad_observed) {
        MessageTraceEntry e = { .count = 1, .class = PATH_STAT, .number = 4, .path_size = 5 };

        ck_assert_int_eq(receive_observed(1, 1, &e, "/abc", 0), 0);
        ck_assert_int_eq(receive_observed(0, 1, &e, "/abc", 0), -EBADMSG); /* some of it is left */
        ck_assert_int_eq(receive_observed(1, 0, &e, "/abc", 0), -EBADMSG); /* nobody asked */
        ck_assert_int_eq(receive_observed(2, 1, &e, "/abc", 0), -EBADMSG);
        ck_assert_int_eq(receive_observed(TRACE_ENTRIES_MAX + 1, 1, &e, "/abc", 0), -EBADMSG);
        ck_assert_int_eq(receive_observed(1, 1, &e, "/abcd", 0), -EBADMSG);
        ck_assert_int_eq(receive_observed(1, 1, &e, "/abc", 1), -EBADMSG);
        ck_assert_int_eq(receive_observed(1, 1, &e, "", 1 + 4), -EBADMSG); /* within the entry; its last bytes are 0 */

        e.class = _PATH_CLASS_MAX;
        ck_assert_int_eq(receive_observed(1, 1, &e, "/abc", 0), -EBADMSG);
        e.class = PATH_STAT;
        e.number = UINT32_MAX;
        ck_assert_int_eq(receive_observed(1, 1, &e, "/abc", 0), -EBADMSG);
}
END_TEST

/* RUNS' answer: two entries, each with its program, and what is not one. */
START_TEST(test_runs) {
        MessageRunEntry e = { .run = 7, .state = MESSAGE_RUN_FINISHED, .keep = 1, .program_size = 3 }, got;
        char tail[2 * (sizeof(e) + 3)];
        const char *program;
        size_t place = 0;
        Message m;

        memcpy(tail, &e, sizeof(e));
        memcpy(tail + sizeof(e), "ab", 3);
        e.run = 8;
        memcpy(tail + sizeof(e) + 3, &e, sizeof(e));
        memcpy(tail + 2 * sizeof(e) + 3, "cd", 3);

        ck_assert_int_eq(message_send_reply(sockets[0], 1, 0, STEP_NONE, 8, 2, tail, sizeof(tail), -EBADF), 0);
        ck_assert_int_eq(message_receive(sockets[1], &m), 0);
        ck_assert_int_eq(message_next_run(&m, &place, &got, &program), 1);
        ck_assert_uint_eq(got.run, 7);
        ck_assert_uint_eq(got.state, MESSAGE_RUN_FINISHED);
        ck_assert_uint_eq(got.keep, 1);
        ck_assert_str_eq(program, "ab");
        ck_assert_int_eq(message_next_run(&m, &place, &got, &program), 1);
        ck_assert_uint_eq(got.run, 8);
        ck_assert_str_eq(program, "cd");
        ck_assert_int_eq(message_next_run(&m, &place, &got, &program), 0);

        /* Cut off, another state, no NUL where the size says, a NUL before it, no size. */
        place = 1;
        ck_assert_int_eq(message_next_run(&m, &place, &got, &program), -EBADMSG);
        place = 0;
        memset(m.tail + offsetof(MessageRunEntry, state), 0xff, 1);
        ck_assert_int_eq(message_next_run(&m, &place, &got, &program), -EBADMSG);
        m.tail[offsetof(MessageRunEntry, state)] = MESSAGE_RUN_EXECUTING;
        for (uint8_t n = 0; n <= 4; n++) {
                m.tail[offsetof(MessageRunEntry, program_size)] = (char) n;
                ck_assert_int_eq(message_next_run(&m, &place, &got, &program), n == 3 ? 1 : -EBADMSG);
                place = 0;
        }
        m.tail[offsetof(MessageRunEntry, program_size) + 2] = 1;
        ck_assert_int_eq(message_next_run(&m, &place, &got, &program), -EBADMSG);
        message_done(&m);
}
END_TEST

START_TEST(test_tables) {
        for (MessageType t = 0; t < _MESSAGE_TYPE_MAX; t++)
                ck_assert_int_eq(message_type_from_string(message_type_to_string(t)), t);
        for (Verdict v = 0; v < _VERDICT_MAX; v++)
                ck_assert_int_eq(verdict_from_string(verdict_to_string(v)), v);
        for (Step s = 0; s < _STEP_MAX; s++)
                ck_assert_int_eq(step_from_string(step_to_string(s)), s);
        for (LimitType t = 0; t < _LIMIT_TYPE_MAX; t++)
                ck_assert_int_eq(limit_type_from_string(limit_type_to_string(t)), t);
        ck_assert_int_eq(verdict_from_string("nonsense"), -EINVAL);
        ck_assert_int_eq(verdict_from_string(NULL), -EINVAL);
        ck_assert_ptr_null(verdict_to_string(_VERDICT_MAX));
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_execute, test_long_tail,  test_configure,     test_prepare,    test_finished,
                test_reply_with_data, test_malformed, test_unsealed_tail, test_bad_result, test_runs,
                test_filter_size, test_bad_observed, test_tables,
        };

        return test_run("message", tests, ELEMENTSOF(tests), setup, teardown);
}
