/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-usage.h"
#include "string-util.h"
#include "test-util.h"

/* What judgectl top shows first, and of which time its shares are. */

static BoxUsageList list(const char *boxes, usec_t time_usec, usec_t realtime_usec, const BoxUsageList *before) {
        json_object *array = json_tokener_parse(boxes);
        BoxUsageList l;

        ck_assert_msg(array, "%s", boxes);
        ck_assert_int_eq(box_usage_list_init(&l, array, time_usec, realtime_usec, before), 0);
        (void) json_object_put(array);
        return l;
}

static void check(const BoxUsageList *l, size_t i, uint64_t owner, const char *id, double percent) {
        ck_assert_uint_lt(i, l->n);
        ck_assert_uint_eq(l->by_cpu[i]->owner, owner);
        ck_assert_str_eq(l->by_cpu[i]->id, id);
        ck_assert_double_eq_tol(l->by_cpu[i]->cpu_percent, percent, 0.01);
}

START_TEST(test_shares) {
        const BoxUsageList none = BOX_USAGE_LIST_NULL;
        BoxUsageList first, second, third;

        first = list("[{\"box\":\"a\",\"owner\":1,\"createdUSec\":1000,\"cpuTimeUSec\":100},"
                     " {\"box\":\"b\",\"owner\":1,\"createdUSec\":1000,\"cpuTimeUSec\":500},"
                     " {\"box\":\"a\",\"owner\":2,\"createdUSec\":1900,\"cpuTimeUSec\":10},"
                     " {\"box\":\"c\",\"owner\":1}]", 50, 2000, &none);
        ck_assert_uint_eq(first.n, 4);
        check(&first, 0, 1, "b", 50);
        check(&first, 1, 1, "a", 10);
        check(&first, 2, 2, "a", 10);
        check(&first, 3, 1, "c", -1);

        /* Another user's box of that name is another; and so is a later one of the same user. */
        second = list("[{\"box\":\"b\",\"owner\":1,\"createdUSec\":2100,\"cpuTimeUSec\":600},"
                      " {\"box\":\"a\",\"owner\":2,\"createdUSec\":1900,\"cpuTimeUSec\":3010},"
                      " {\"box\":\"a\",\"owner\":1,\"createdUSec\":1000,\"cpuTimeUSec\":100}]", 1050, 3000, &first);
        check(&second, 0, 2, "a", 300);
        check(&second, 1, 1, "b", 66.67);
        check(&second, 2, 1, "a", 0);

        third = list("[]", 2050, 4000, &second);
        ck_assert_uint_eq(third.n, 0);

        box_usage_list_done(&first);
        box_usage_list_done(&second);
        box_usage_list_done(&third);
}
END_TEST

START_TEST(test_odd) {
        const BoxUsageList none = BOX_USAGE_LIST_NULL;
        BoxUsageList l;

        /* A clock that was set back; and what no service should say. */
        l = list("[{\"box\":\"a\",\"owner\":1,\"createdUSec\":5000,\"cpuTimeUSec\":1},"
                 " {\"box\":1,\"cpuTimeUSec\":\"x\"}, 5, null]", 0, 1000, &none);
        ck_assert_uint_eq(l.n, 4);
        check(&l, 0, 1, "a", 100);
        ck_assert_double_lt(l.by_cpu[1]->cpu_percent, 0);
        ck_assert_str_eq(l.by_cpu[1]->id, "?");
        box_usage_list_done(&l);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_shares, test_odd };

        return test_run("box-usage", tests, ELEMENTSOF(tests), NULL, NULL);
}
