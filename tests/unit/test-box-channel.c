/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>

#include "box-channel.h"
#include "fd-util.h"
#include "test-util.h"

/* The daemon's end against a judgebox-init that answers late, out of order, wrongly, or not at all. */

#define FAR_AWAY (now_usec(CLOCK_MONOTONIC) + 3600 * USEC_PER_SEC)

typedef struct Answer {
        int n; /* times called */
        int r;
        uint64_t value;
        MessageType type;
} Answer;

static sd_event *event;
static BoxChannel *channel;
static int peer = -EBADF;
static int failure;
static Step failure_step;

static void on_failed(BoxChannel *c, Step step, int r, void *userdata) {
        ck_assert_int_eq(failure, 0);
        failure = r;
        failure_step = step;
}

static void on_answer(int r, Message *m, void *userdata) {
        Answer *a = userdata;

        ck_assert(!!m == (r >= 0));
        a->n++;
        a->r = r;
        if (m) {
                a->type = (MessageType) m->header.type;
                a->value = m->reply.value;
        }
}

static void setup(void) {
        int pair[2];

        failure = 0;
        failure_step = STEP_NONE;
        ck_assert_int_eq(sd_event_new(&event), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        peer = pair[1];
        ck_assert_int_eq(box_channel_new(event, pair[0], on_failed, NULL, &channel), 0);
}

static void teardown(void) {
        box_channel_cancel(channel, -ECONNRESET);
        channel = box_channel_free(channel);
        event = sd_event_unref(event);
        peer = safe_close(peer);
}

static uint32_t request(usec_t deadline, Answer *a) {
        uint32_t serial;

        ck_assert_int_eq(box_channel_begin(channel, deadline, on_answer, a, &serial), 0);
        ck_assert_int_eq(box_channel_sent(channel, serial,
                                          message_send_simple(box_channel_get_fd(channel), MESSAGE_PING, serial)), 0);
        return serial;
}

static void reply(uint32_t serial, uint64_t value) {
        ck_assert_int_eq(message_send_reply(peer, serial, 0, STEP_NONE, value, 0, NULL, 0, -EBADF), 0);
}

static void run(void) {
        while (sd_event_run(event, 0) > 0)
                ;
}

START_TEST(test_out_of_order) {
        Answer a = {}, b = {};
        uint32_t i, k;
        Message m;

        i = request(FAR_AWAY, &a);
        k = request(FAR_AWAY, &b);
        ck_assert_uint_ne(i, k);
        ck_assert_uint_ne(i, CHANNEL_SERIAL_NONE);
        ck_assert_uint_eq(box_channel_get_n_requests(channel), 2);

        ck_assert_int_eq(message_receive(peer, &m), 0);
        ck_assert_uint_eq(m.header.serial, i);
        message_done(&m);

        reply(k, 22);
        reply(i, 11);
        run();

        ck_assert_int_eq(a.n, 1);
        ck_assert_uint_eq(a.value, 11);
        ck_assert_int_eq(b.n, 1);
        ck_assert_uint_eq(b.value, 22);
        ck_assert_uint_eq(box_channel_get_n_requests(channel), 0);
        ck_assert_int_eq(failure, 0);
}
END_TEST

START_TEST(test_many) {
        static Answer answers[CHANNEL_REQUESTS_MAX];
        uint32_t serials[CHANNEL_REQUESTS_MAX], serial;

        memset(answers, 0, sizeof(answers));
        for (size_t i = 0; i < CHANNEL_REQUESTS_MAX; i++)
                serials[i] = request(FAR_AWAY, answers + i);
        ck_assert_int_eq(box_channel_begin(channel, FAR_AWAY, on_answer, NULL, &serial), -EBUSY);

        /* Every second place is used again; the others keep theirs. */
        for (size_t round = 0; round < 5; round++) {
                for (size_t i = 0; i < CHANNEL_REQUESTS_MAX; i += 2)
                        reply(serials[i], i);
                run();
                for (size_t i = 0; i < CHANNEL_REQUESTS_MAX; i += 2)
                        serials[i] = request(FAR_AWAY, answers + i);
        }

        ck_assert_int_eq(answers[0].n, 5);
        ck_assert_int_eq(answers[1].n, 0);
        ck_assert_int_eq(failure, 0);
}
END_TEST

START_TEST(test_unknown_serial) {
        Answer a = {};

        reply(request(FAR_AWAY, &a), 1);
        run();
        ck_assert_int_eq(a.n, 1);

        /* The same again: an answer to nothing. */
        reply(CHANNEL_REQUESTS_MAX + 5, 1);
        run();
        ck_assert_int_eq(failure, -EBADMSG);
}
END_TEST

START_TEST(test_answered_twice) {
        Answer a = {};
        uint32_t serial;

        serial = request(FAR_AWAY, &a);
        reply(serial, 1);
        reply(serial, 2);
        run();
        ck_assert_int_eq(a.n, 1);
        ck_assert_int_eq(failure, -EBADMSG);
}
END_TEST

START_TEST(test_unasked) {
        /* Good news that nobody waits for is nothing; bad news ends the box, and says why. */
        reply(CHANNEL_SERIAL_NONE, 0);
        run();
        ck_assert_int_eq(failure, 0);

        ck_assert_int_eq(message_send_reply(peer, CHANNEL_SERIAL_NONE, EPERM, STEP_CAPABILITIES, 0, 0, NULL, 0, -EBADF), 0);
        run();
        ck_assert_int_eq(failure, -EPERM);
        ck_assert_int_eq(failure_step, STEP_CAPABILITIES);
}
END_TEST

START_TEST(test_garbage) {
        static const char *const packets[] = { "", "x", "jbox", "kobjxobjxobjxobjxobjxobjxobj", "xobjxobjxobjxobjxobjxobjxobj" };

        ck_assert_int_eq(send(peer, packets[_i], strlen(packets[_i]), 0), (ssize_t) strlen(packets[_i]));
        run();

        /* An empty packet cannot be told from the end; the last one begins as a message does. */
        ck_assert_int_eq(failure, _i == 0 ? -ECONNRESET : _i == 4 ? -EPROTONOSUPPORT : -EBADMSG);
}
END_TEST

START_TEST(test_wrong_direction) {
        ck_assert_int_eq(message_send_simple(peer, MESSAGE_PING, 1), 0);
        run();
        ck_assert_int_eq(failure, -EBADMSG);
}
END_TEST

START_TEST(test_end) {
        Answer a = {};

        (void) request(FAR_AWAY, &a);
        peer = safe_close(peer);
        run();
        ck_assert_int_eq(failure, -ECONNRESET);
        ck_assert_int_eq(a.n, 0);

        box_channel_cancel(channel, -ECONNRESET);
        ck_assert_int_eq(a.n, 1);
        ck_assert_int_eq(a.r, -ECONNRESET);
}
END_TEST

START_TEST(test_deadline) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        Answer a = {}, b = {};
        uint32_t serial;

        serial = request(now + 100, &a);
        (void) request(now + 300, &b);
        ck_assert_uint_eq(box_channel_check_deadlines(channel, now), now + 100);

        reply(serial, 0);
        run();
        ck_assert_uint_eq(box_channel_check_deadlines(channel, now + 200), now + 300);
        ck_assert_int_eq(failure, 0);

        (void) box_channel_check_deadlines(channel, now + 300);
        ck_assert_int_eq(failure, -ETIMEDOUT);
}
END_TEST

START_TEST(test_full_socket) {
        Answer a = {};
        int r = 0;

        /* A peer that does not read: the sender is told, and the request is as if it had not been. */
        for (size_t i = 0; i < 1000000 && r >= 0; i++) {
                uint32_t serial;

                if (box_channel_get_n_requests(channel) == CHANNEL_REQUESTS_MAX)
                        box_channel_cancel(channel, -ECANCELED);

                ck_assert_int_eq(box_channel_begin(channel, FAR_AWAY, on_answer, &a, &serial), 0);
                r = box_channel_sent(channel, serial,
                                     message_send_simple(box_channel_get_fd(channel), MESSAGE_PING, serial));
        }
        ck_assert_int_eq(r, -EAGAIN);
}
END_TEST

/* What was meant for an earlier judgeboxd comes to nothing, also where its serials are those of ours. */
START_TEST(test_resume) {
        Answer a = {}, b = {};
        uint32_t serial;

        ck_assert_int_eq(message_send_reply(peer, 7, 0, STEP_NONE, 1, 0, NULL, 0, -EBADF), 0);
        ck_assert_int_eq(message_send_reply(peer, 0, -EIO, STEP_ROOT, 1, 0, NULL, 0, -EBADF), 0);
        ck_assert_int_eq(box_channel_resume(channel), 0);
        serial = request(FAR_AWAY, &a);
        (void) request(FAR_AWAY, &b);
        ck_assert_int_eq(message_send_finished(peer, serial, 1, &(RunResult) {}, NULL, -EBADF, -EBADF), 0);
        run();
        ck_assert_int_eq(failure, 0);
        ck_assert_int_eq(a.n + b.n, 0);

        reply(serial, 5);
        run();
        ck_assert_int_eq(a.n, 1);
        ck_assert_uint_eq(a.value, 5);

        /* From here on all is as it always is. */
        reply(serial, 5);
        run();
        ck_assert_int_eq(failure, -EBADMSG);
        ck_assert_int_eq(b.n, 0);
}
END_TEST

int main(void) {
        Suite *s = suite_create("box-channel");
        TCase *t = tcase_create("box-channel");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, test_out_of_order);
        tcase_add_test(t, test_many);
        tcase_add_test(t, test_unknown_serial);
        tcase_add_test(t, test_answered_twice);
        tcase_add_test(t, test_unasked);
        tcase_add_loop_test(t, test_garbage, 0, 5);
        tcase_add_test(t, test_wrong_direction);
        tcase_add_test(t, test_end);
        tcase_add_test(t, test_deadline);
        tcase_add_test(t, test_full_socket);
        tcase_add_test(t, test_resume);
        suite_add_tcase(s, t);

        return test_run_suite(s);
}
