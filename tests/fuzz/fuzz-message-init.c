/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: protocol/message.c protocol/message-spec.c protocol/launch.c */
#include "cgroup-read.h"
#include "launch.h"
#include "packet.h"
#include "parse-util.h"

/* What judgebox-init reads: requests, from whoever may have its socket. What it makes of one can be sent again, and is
 * then understood again. */

static void check_configure(Message *m, int pair[static 2]) {
        BoxSettings s, again;

        if (message_parse_configure(m, &s) < 0)
                return;

        message_done(m);
        fuzz_assert(message_send_configure(pair[0], 7, &s) == 0);
        fuzz_assert(message_receive(pair[1], m) == 0);
        fuzz_assert(m->header.serial == 7);
        fuzz_assert(message_parse_configure(m, &again) == 0);
        fuzz_assert(again.n_binds == s.n_binds && again.n_tmpfs == s.n_tmpfs && again.inodes == s.inodes);
        box_settings_done(&s);
        box_settings_done(&again);
}

static void check_execute(Message *m, int pair[static 2]) {
        RunSpec s, again;
        cpu_set_t cpus;

        if (message_parse_execute(m, &s) < 0)
                return;

        fuzz_assert(s.argv && s.argv[0]);
        if (s.limits.cpu_set)
                (void) parse_cpu_set(s.limits.cpu_set, &cpus);

        message_done(m);
        fuzz_assert(message_send_execute(pair[0], 7, 1, &s) == 0);
        fuzz_assert(message_receive(pair[1], m) == 0);
        fuzz_assert(message_parse_execute(m, &again) == 0);
        fuzz_assert(strv_length(s.argv) == strv_length(again.argv) && s.n_extra_fds == again.n_extra_fds);
        fuzz_assert(memcmp(s.limits.values, again.limits.values, sizeof(s.limits.values)) == 0);
        fuzz_assert(s.allowed_paths.n == again.allowed_paths.n);
        for (size_t i = 0; i < s.allowed_paths.n; i++)
                fuzz_assert(streq(s.allowed_paths.rules[i].path, again.allowed_paths.rules[i].path) &&
                            s.allowed_paths.rules[i].optional == again.allowed_paths.rules[i].optional);
        run_spec_done(&s);
        run_spec_done(&again);
}

static void check_message(Message *m, int pair[static 2]) {
        int fds[_RUN_CGROUP_FD_MAX], source_fd;
        const char *path;
        FileFlags flags;

        switch (m->header.type) {
        case MESSAGE_CONFIGURE:
                check_configure(m, pair);
                break;
        case MESSAGE_PREPARE:
                if (message_parse_prepare(m, fds, ELEMENTSOF(fds)) >= 0)
                        close_many(fds, ELEMENTSOF(fds));
                break;
        case MESSAGE_EXECUTE:
                check_execute(m, pair);
                break;
        case MESSAGE_COPY:
                if (message_parse_copy(m, &flags, &path, &source_fd) >= 0) {
                        fuzz_assert(fcntl(source_fd, F_GETFD) >= 0);
                        (void) safe_close(source_fd);
                }
                break;
        case MESSAGE_OPEN:
        case MESSAGE_MKDIR:
        case MESSAGE_REMOVE:
        case MESSAGE_LIST:
                if (message_parse_file(m, &flags, &path) >= 0)
                        (void) box_path_is_valid(path);
                break;
        default:
                (void) message_check_end(m);
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        FuzzInput i = { data, size };
        unsigned fds = fuzz_count_fds();
        int pair[2], supervisor_fd;

        fuzz_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);

        if (packet_send_next(&i, pair[0]) && launch_receive_go(pair[1], &supervisor_fd) >= 0)
                (void) safe_close(supervisor_fd);

        while (packet_send_next(&i, pair[0])) {
                _cleanup_(message_done) Message m;

                if (message_receive(pair[1], &m) >= 0)
                        check_message(&m, pair);
        }

        close_many(pair, 2);
        fuzz_assert(fuzz_count_fds() == fds);
        return 0;
}
