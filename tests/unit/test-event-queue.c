/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event-queue.h"
#include "json-build.h"
#include "string-util.h"
#include "test-util.h"

/* What waits for a peer that does not read, and what is counted of the rest. */

static void push(EventQueue *q, uint64_t first, uint64_t n) {
        for (uint64_t i = 0; i < n; i++)
                event_queue_push(q, &(Event) { .type = EVENT_RUN_STARTED, .box = "b", .run = first + i });
}

static void check_pop(EventQueue *q, uint64_t run, uint64_t missed) {
        uint64_t n;
        Event e;

        ck_assert(event_queue_pop(q, &e, &n));
        ck_assert_uint_eq(e.run, run);
        ck_assert_uint_eq(n, missed);
}

static void check_empty(EventQueue *q) {
        uint64_t n;
        Event e;

        ck_assert(!event_queue_pop(q, &e, &n));
}

START_TEST(test_order) {
        EventQueue q = {};

        check_empty(&q);

        /* Round and round. */
        for (uint64_t i = 0; i < 3 * EVENT_QUEUE_MAX; i += 2) {
                push(&q, i, 2);
                check_pop(&q, i, 0);
                check_pop(&q, i + 1, 0);
        }
        check_empty(&q);

        push(&q, 0, EVENT_QUEUE_MAX);
        for (uint64_t i = 0; i < EVENT_QUEUE_MAX; i++)
                check_pop(&q, i, 0);
        check_empty(&q);
}
END_TEST

START_TEST(test_missed) {
        EventQueue q = {};

        push(&q, 0, EVENT_QUEUE_MAX + 5);
        check_pop(&q, 5, 5);
        check_pop(&q, 6, 0);

        push(&q, EVENT_QUEUE_MAX + 5, 4);
        check_pop(&q, 9, 2);
        for (uint64_t i = 10; i < EVENT_QUEUE_MAX + 9; i++)
                check_pop(&q, i, 0);
        check_empty(&q);
}
END_TEST

static void check_json(const Event *e, uint64_t n_missed, const char *expected) {
        _cleanup_json_ json_object *o = NULL;

        ck_assert_int_eq(event_to_json(e, n_missed, &o), 0);
        ck_assert_str_eq(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), expected);
}

START_TEST(test_json) {
        Event e = {
                .type = EVENT_RUN_FINISHED,
                .time_usec = 7,
                .box = "b",
                .owner = 1000,
                .run = 3,
                .verdict = VERDICT_OK,
                .cpu_usec = 1,
                .wall_usec = 2,
                .memory_peak_bytes = RESULT_UNKNOWN,
        };

        check_json(&e, 0,
                   "{\"event\":{\"type\":\"run-finished\",\"timeUSec\":7,\"box\":\"b\",\"owner\":1000,\"run\":3,"
                   "\"verdict\":\"ok\",\"cpuTimeUSec\":1,\"wallTimeUSec\":2}}");

        e.type = EVENT_RUN_STARTED;
        check_json(&e, 4,
                   "{\"event\":{\"type\":\"run-started\",\"timeUSec\":7,\"box\":\"b\",\"owner\":1000,\"run\":3,"
                   "\"missed\":4}}");

        e.type = EVENT_BOX_REMOVED;
        check_json(&e, 0, "{\"event\":{\"type\":\"box-removed\",\"timeUSec\":7,\"box\":\"b\",\"owner\":1000}}");
}
END_TEST

START_TEST(test_types) {
        for (EventType t = 0; t < _EVENT_TYPE_MAX; t++)
                ck_assert_int_eq(event_type_from_string(event_type_to_string(t)), t);
        ck_assert_int_lt(event_type_from_string("box-gone"), 0);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_order, test_missed, test_json, test_types };

        return test_run("event-queue", tests, ELEMENTSOF(tests), NULL, NULL);
}
