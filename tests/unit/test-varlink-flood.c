/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One uid floods the server, another one wants an answer. To be two uids takes root; anybody else skips this. */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "varlink-fixture.h"

#define FLOODER 65533
#define OTHER 65532

static char dir[] = "/tmp/test-varlink-XXXXXX";
static char socket_path[sizeof(dir) + 16];

static void setup(void) {
        ck_assert_ptr_nonnull(mkdtemp(dir));
        ck_assert_int_eq(chmod(dir, 0755), 0);
        (void) sprintf(socket_path, "%s/socket", dir);
        fixture_setup();
        ck_assert_int_eq(varlink_server_listen_path(fixture.server, socket_path, 0666), 0);
}

static void teardown(void) {
        fixture_teardown();
        ck_assert_int_eq(rmdir(dir), 0);
        strcpy(dir, "/tmp/test-varlink-XXXXXX");
}

/* A child of this uid that dies with us. */
static pid_t fork_as(uid_t uid) {
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0 &&
            (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
                _exit(EXIT_FAILURE);

        return pid;
}

/* Keeps as many connections as it can get, on each of them more calls than are answered, and never stops asking
 * for more. */
_noreturn_ static void flood(void) {
        VarlinkClient *clients[VARLINK_CONNECTIONS_PER_UID_MAX + 8] = {};

        for (;;) {
                for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                        VarlinkReply r = VARLINK_REPLY_NULL;
                        int k;

                        if (!clients[i] && varlink_client_connect(socket_path, &clients[i]) < 0)
                                continue;

                        do
                                k = varlink_client_send(clients[i], FIXTURE "Echo", NULL, NULL, 0, 0);
                        while (k >= 0);
                        if (k == -EBUSY) {
                                while ((k = varlink_client_receive(clients[i], 0, &r)) >= 0)
                                        varlink_reply_done(&r);
                                if (k == -ETIMEDOUT)
                                        continue;
                        }
                        clients[i] = varlink_client_free(clients[i]);
                }
        }
}

/* One call after the other, new connections in between; fails if any takes too long. */
_noreturn_ static void ask(void) {
        usec_t worst = 0;

        for (size_t i = 0; i < 50; i++) {
                _cleanup_(varlink_client_freep) VarlinkClient *c = NULL;

                for (size_t k = 0; k < 4; k++) {
                        VarlinkReply r = VARLINK_REPLY_NULL;
                        usec_t start = now_usec(CLOCK_MONOTONIC);

                        if ((!c && varlink_client_connect(socket_path, &c) < 0) ||
                            varlink_client_call(c, FIXTURE "Echo", NULL, NULL, 0, &r) < 0 || r.error)
                                _exit(EXIT_FAILURE);
                        varlink_reply_done(&r);
                        worst = MAX(worst, now_usec(CLOCK_MONOTONIC) - start);
                }
        }

        _exit(worst < USEC_PER_SEC ? EXIT_SUCCESS : EXIT_FAILURE);
}

START_TEST(test_flood) {
        pid_t flooder, other;
        unsigned n_calls;
        int status;

        flooder = fork_as(FLOODER);
        if (flooder == 0)
                flood();

        /* Let it fill up what it can. */
        while (varlink_server_get_n_connections(fixture.server) < VARLINK_CONNECTIONS_PER_UID_MAX ||
               fixture.n_calls < 2000)
                ck_assert_int_ge(sd_event_run(fixture.event, USEC_PER_SEC), 0);

        other = fork_as(OTHER);
        if (other == 0)
                ask();

        n_calls = fixture.n_calls;
        while (waitpid(other, &status, WNOHANG) == 0) {
                ck_assert_int_ge(sd_event_run(fixture.event, USEC_PER_SEC / 10), 0);

                /* The other's: one that is new, and one whose end we have not seen yet. */
                ck_assert_uint_le(
                                varlink_server_get_n_connections(
                                                fixture.server), VARLINK_CONNECTIONS_PER_UID_MAX + 2);
        }
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);

        /* And the flood went on meanwhile. */
        ck_assert_uint_gt(fixture.n_calls - n_calls, 1000);

        ck_assert_int_eq(kill(flooder, SIGKILL), 0);
        ck_assert_int_eq(waitpid(flooder, &status, 0), flooder);
        (void) spin();
        ck_assert_uint_eq(varlink_server_get_n_connections(fixture.server), 0);
}
END_TEST

/* Takes all connections there are, as so many users. */
_noreturn_ static void take_all(void) {
        for (uid_t uid = 1; uid <= VARLINK_CONNECTIONS_MAX / VARLINK_CONNECTIONS_PER_UID_MAX; uid++) {
                if (seteuid(uid) < 0)
                        _exit(EXIT_FAILURE);
                for (size_t i = 0; i < VARLINK_CONNECTIONS_PER_UID_MAX; i++) {
                        VarlinkClient *c; /* kept until the end */

                        if (varlink_client_connect(socket_path, &c) < 0)
                                _exit(EXIT_FAILURE);
                }
                if (seteuid(0) < 0)
                        _exit(EXIT_FAILURE);
        }

        for (;;)
                (void) pause();
}

START_TEST(test_all_taken) {
        /* Each has a pidfd as well. */
        const struct rlimit limit = { 4 * VARLINK_CONNECTIONS_MAX, 4 * VARLINK_CONNECTIONS_MAX };
        pid_t taker, pid;
        int status;

        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        taker = fork_as(0);
        if (taker == 0)
                take_all();
        while (varlink_server_get_n_connections(fixture.server) < VARLINK_CONNECTIONS_MAX)
                ck_assert_int_ge(sd_event_run(fixture.event, USEC_PER_SEC), 0);

        for (size_t i = 0; i < 2; i++) {
                pid = fork_as(i == 0 ? OTHER : 0);
                if (pid == 0)
                        ask();
                while (waitpid(pid, &status, WNOHANG) == 0)
                        ck_assert_int_ge(sd_event_run(fixture.event, USEC_PER_SEC / 10), 0);
                ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == (i == 0 ? EXIT_FAILURE : EXIT_SUCCESS));
        }

        ck_assert_int_eq(kill(taker, SIGKILL), 0);
        ck_assert_int_eq(waitpid(taker, &status, 0), taker);
        (void) spin();
        ck_assert_uint_eq(varlink_server_get_n_connections(fixture.server), 0);
}
END_TEST

START_TEST(test_peer) {
        pid_t pid;
        int status;

        pid = fork_as(OTHER);
        if (pid == 0)
                ask();
        while (waitpid(pid, &status, WNOHANG) == 0)
                ck_assert_int_ge(sd_event_run(fixture.event, USEC_PER_SEC / 10), 0);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
        ck_assert_uint_eq(fixture.peer.uid, OTHER);
        ck_assert_uint_eq(fixture.peer.gid, OTHER);
        ck_assert_int_eq(fixture.peer.pid, pid);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_flood, test_all_taken, test_peer };

        /* Being two users takes root. */
        return test_run_as_root("varlink-flood", tests, ELEMENTSOF(tests), setup, teardown);
}
