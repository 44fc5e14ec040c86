/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>

#include "admission.h"
#include "test-util.h"

#define TICKETS_MAX 64

typedef struct Order {
        Admission *admission;
        AdmissionTicket tickets[TICKETS_MAX];
        size_t admitted[TICKETS_MAX];
        size_t n_admitted;
        bool end_at_once;
        size_t n_things; /* of which each takes one, if it takes any */
        bool scarce;
} Order;

static Order order;

static void on_admitted(AdmissionTicket *t, void *userdata) {
        Order *o = userdata;

        o->admitted[o->n_admitted++] = (size_t) (t - o->tickets);
        if (o->end_at_once)
                admission_leave(t);
}

static bool reserve(AdmissionTicket *t, void *userdata) {
        Order *o = userdata;

        if (o->n_things == 0)
                return false;

        o->n_things--;
        return true;
}

static int enter_as(size_t i, uid_t tenant, size_t max_running, int priority) {
        AdmissionWish wish = {
                .tenant = tenant,
                .max_running = max_running,
                .priority = priority,
                .reserve = order.scarce ? reserve : NULL,
        };

        return admission_enter(order.admission, &wish, 1000 + i, order.tickets + i, on_admitted, &order);
}

static int enter(size_t i, uid_t tenant) {
        return enter_as(i, tenant, SIZE_MAX, 0);
}

static void setup(void) {
        order = (Order) {};
        ck_assert_int_eq(admission_new(/* max_running= */ 2, /* max_waiting= */ 20, &order.admission), 0);
}

static void teardown(void) {
        for (size_t i = 0; i < TICKETS_MAX; i++)
                if (admission_is_waiting(order.tickets + i))
                        admission_leave(order.tickets + i);
        for (size_t i = 0; i < TICKETS_MAX; i++)
                admission_leave(order.tickets + i);

        ck_assert_uint_eq(admission_get_n_running(order.admission), 0);
        ck_assert_uint_eq(admission_get_n_waiting(order.admission), 0);
        order.admission = admission_free(order.admission);
}

START_TEST(test_at_once) {
        ck_assert_int_eq(enter(0, 1000), 1);
        ck_assert_int_eq(enter(1, 1000), 1);
        ck_assert(!admission_is_waiting(order.tickets + 0));
        ck_assert_int_eq(enter(2, 1000), 0);
        ck_assert(admission_is_waiting(order.tickets + 2));
        ck_assert_uint_eq(order.tickets[2].entered_usec, 1002);
        ck_assert_uint_eq(admission_get_n_running(order.admission), 2);
        ck_assert_uint_eq(admission_get_n_waiting(order.admission), 1);

        admission_leave(order.tickets + 0);
        ck_assert_uint_eq(order.n_admitted, 1);
        ck_assert_uint_eq(order.admitted[0], 2);
}
END_TEST

START_TEST(test_tenants_take_turns) {
        /* The flood of one tenant comes first; the others get every second, then every third place all the same. */
        static const size_t expected[] = { 2, 12, 3, 13, 4, 14, 5, 6, 7 };

        for (size_t i = 0; i < 12; i++)
                (void) enter(i, 1000);
        for (size_t i = 12; i < 15; i++)
                ck_assert_int_eq(enter(i, 1001), 0);

        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                admission_leave(order.tickets + (i == 0 ? 0 : expected[i - 1]));

        ck_assert_uint_eq(order.n_admitted, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                ck_assert_uint_eq(order.admitted[i], expected[i]);
}
END_TEST

START_TEST(test_late_tenant_waits_for_one_place) {
        for (size_t i = 0; i < 20; i++)
                (void) enter(i, 1000);
        ck_assert_int_eq(enter(20, 1001), 0);

        admission_leave(order.tickets + 0);
        admission_leave(order.tickets + 1);
        ck_assert_uint_eq(order.admitted[0], 2);
        ck_assert_uint_eq(order.admitted[1], 20);
}
END_TEST

START_TEST(test_cancel) {
        for (size_t i = 0; i < 6; i++)
                (void) enter(i, 1000 + (uid_t) (i % 2));

        /* Taking out what waits admits nobody. */
        admission_leave(order.tickets + 2);
        admission_leave(order.tickets + 3);
        ck_assert_uint_eq(order.n_admitted, 0);
        ck_assert_uint_eq(admission_get_n_waiting(order.admission), 2);

        /* Twice is once. */
        admission_leave(order.tickets + 2);
        ck_assert_uint_eq(admission_get_n_waiting(order.admission), 2);

        admission_leave(order.tickets + 0);
        ck_assert_uint_eq(order.admitted[0], 4);

        /* A ticket can be used again. */
        ck_assert_int_eq(enter(0, 1000), 0);
}
END_TEST

START_TEST(test_full) {
        for (size_t i = 0; i < 22; i++)
                ck_assert_int_ge(enter(i, 1000), 0);

        ck_assert_int_eq(enter(22, 1000), -ENOBUFS);
        ck_assert_int_eq(enter(22, 1001), -ENOBUFS);
        ck_assert(!order.tickets[22].admission);
}
END_TEST

START_TEST(test_reasons) {
        ck_assert_int_eq(enter_as(0, 1000, 1, 0), 1);
        ck_assert_int_eq(enter_as(1, 1000, 1, 0), 0);
        ck_assert_int_eq(enter(2, 1001), 1);
        ck_assert_int_eq(enter(3, 1001), 0);

        ck_assert_int_eq(order.tickets[0].reason, ADMISSION_REASON_NONE);
        ck_assert_int_eq(order.tickets[1].reason, ADMISSION_REASON_BUDGET);
        ck_assert_int_eq(order.tickets[3].reason, ADMISSION_REASON_TURN);
        ck_assert_str_eq(admission_reason_to_string(ADMISSION_REASON_BUDGET), "budget");
        ck_assert_int_eq(admission_reason_from_string("cpus"), ADMISSION_REASON_CPUS);
        ck_assert_uint_eq(admission_get_tenant_n_waiting(order.admission, 1000), 1);
        ck_assert_uint_eq(admission_get_tenant_n_waiting(order.admission, 1002), 0);
}
END_TEST

/* One whose budget is used up waits for its own runs, and holds up nobody. */
START_TEST(test_tenant_bound) {
        for (size_t i = 0; i < 4; i++)
                (void) enter_as(i, 1000, 1, 0);
        ck_assert_int_eq(enter(4, 1001), 1);
        ck_assert_int_eq(enter(5, 1001), 0);

        admission_leave(order.tickets + 4);
        ck_assert_uint_eq(order.n_admitted, 1);
        ck_assert_uint_eq(order.admitted[0], 5);
        admission_leave(order.tickets + 5);
        ck_assert_uint_eq(order.n_admitted, 1);

        admission_leave(order.tickets + 0);
        ck_assert_uint_eq(order.admitted[1], 1);
        ck_assert_uint_eq(order.n_admitted, 2);

        /* More may: with the bounds of all. */
        admission_set_tenant_bound(order.admission, 1000, 2);
        admission_set_tenant_bound(order.admission, 1002, 2);
        ck_assert_uint_eq(order.n_admitted, 2);
        admission_set_bounds(order.admission, 2, 20);
        ck_assert_uint_eq(order.n_admitted, 3);

        /* Less: who runs already stays. */
        admission_set_tenant_bound(order.admission, 1000, 1);
        admission_leave(order.tickets + 1);
        ck_assert_uint_eq(order.n_admitted, 3);
        admission_leave(order.tickets + 2);
        ck_assert_uint_eq(order.n_admitted, 4);
}
END_TEST

/* It tells a tenant's own runs apart, and is worth nothing against others. */
START_TEST(test_priority) {
        static const int priorities[] = { 0, 0, 0, 5, ADMISSION_PRIORITY_MIN, 5, ADMISSION_PRIORITY_MAX };
        static const size_t expected[] = { 6, 7, 3, 5, 2, 4 };

        for (size_t i = 0; i < ELEMENTSOF(priorities); i++)
                (void) enter_as(i, 1000, SIZE_MAX, priorities[i]);
        ck_assert_int_eq(enter_as(7, 1001, SIZE_MAX, ADMISSION_PRIORITY_MIN), 0);

        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                admission_leave(order.tickets + (i == 0 ? 0 : expected[i - 1]));

        ck_assert_uint_eq(order.n_admitted, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                ck_assert_uint_eq(order.admitted[i], expected[i]);
}
END_TEST

/* Nobody overtakes who waits for what is not there. */
START_TEST(test_reserve) {
        order.scarce = true;
        order.n_things = 1;

        ck_assert_int_eq(enter(0, 1000), 1);
        ck_assert_int_eq(enter(1, 1000), 0);
        ck_assert_int_eq(order.tickets[1].reason, ADMISSION_REASON_CPUS);
        ck_assert_int_eq(enter(2, 1001), 0);
        ck_assert_int_eq(order.tickets[2].reason, ADMISSION_REASON_TURN);

        order.n_things = 2;
        admission_leave(order.tickets + 0);
        ck_assert_uint_eq(order.n_admitted, 2);
        ck_assert_uint_eq(order.admitted[0], 1);
        ck_assert_uint_eq(order.admitted[1], 2);

        /* Who gives up makes way. */
        admission_leave(order.tickets + 1);
        ck_assert_int_eq(enter(3, 1000), 0);
        ck_assert_int_eq(enter(4, 1001), 0);
        order.n_things = 1;
        admission_leave(order.tickets + 3);
        ck_assert_uint_eq(order.n_admitted, 3);
        ck_assert_uint_eq(order.admitted[2], 4);
}
END_TEST

START_TEST(test_ends_at_once) {
        for (size_t i = 0; i < 10; i++)
                (void) enter(i, 1000);

        /* Each that is admitted ends in its callback: none is left out, and no recursion piles up. */
        order.end_at_once = true;
        admission_leave(order.tickets + 0);
        ck_assert_uint_eq(order.n_admitted, 8);
        ck_assert_uint_eq(admission_get_n_running(order.admission), 1);
}
END_TEST

/* A restart: those that run already are more than may run, and until all are known nobody else begins. */
START_TEST(test_adopt_and_hold) {
        admission_hold(order.admission, true);
        ck_assert_int_eq(enter(0, 1000), 0);
        for (size_t i = 1; i <= 3; i++)
                ck_assert_int_eq(admission_adopt(order.admission, 1000, SIZE_MAX, order.tickets + i), 0);
        ck_assert_uint_eq(admission_get_n_running(order.admission), 3);

        admission_hold(order.admission, false);
        ck_assert_uint_eq(order.n_admitted, 0);
        admission_leave(order.tickets + 1);
        ck_assert_uint_eq(order.n_admitted, 0);
        admission_leave(order.tickets + 2);
        ck_assert_uint_eq(order.n_admitted, 1);
}
END_TEST

START_TEST(test_bounds_change) {
        for (size_t i = 0; i < 5; i++)
                (void) enter(i, 1000);
        admission_set_bounds(order.admission, 4, 1);
        ck_assert_uint_eq(order.n_admitted, 2);
        ck_assert_int_eq(enter(5, 1000), -ENOBUFS);

        admission_set_bounds(order.admission, 1, 20);
        for (size_t i = 0; i < 3; i++)
                admission_leave(order.tickets + i);
        ck_assert_uint_eq(order.n_admitted, 2);
        admission_leave(order.tickets + 3);
        ck_assert_uint_eq(order.n_admitted, 3);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_at_once, test_tenants_take_turns, test_late_tenant_waits_for_one_place, test_cancel,
                test_full, test_reasons, test_tenant_bound, test_priority, test_reserve, test_ends_at_once,
                test_adopt_and_hold, test_bounds_change,
        };

        return test_run("admission", tests, ELEMENTSOF(tests), setup, teardown);
}
