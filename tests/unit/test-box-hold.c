/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-hold.h"
#include "manager-fixture.h"

#define CONNECTION UINT64_C(17)

static Box *box;

static Box *add_box(const char *id) {
        Box *b = fixture_box(id);

        b->until_disconnect = true;
        return b;
}

static void setup(void) {
        fixture_setup();
        fixture_configure("");
        fixture_start(/* store= */ NULL);
        box = add_box("held");
}

static void teardown(void) {
        Box *b, *following;

        HASH_ITER(hh, manager->boxes, b, following)
                box_stop(b);
        ck_assert_ptr_null(manager->boxes);
        fixture_teardown();
}

static Caller by_varlink(uid_t uid, uint64_t connection) {
        return (Caller) { .uid = uid, .pidfd = -EBADF, .connection = connection };
}

static Caller by_bus(uid_t uid, const char *name) {
        return (Caller) { .uid = uid, .pidfd = -EBADF, .bus_name = name };
}

static void hold(Box *b, Caller c) {
        ck_assert_int_eq(box_hold(b, &c), 0);
}

static bool is_there(const char *id) {
        return manager_find_box(manager, TENANT, id);
}

/* It goes with the connection over which it was made, be that of varlink or of the bus, and with no other. */
START_TEST(test_goes_with_its_connection) {
        add_box("other");
        hold(box, by_varlink(TENANT, CONNECTION));
        hold(manager_find_box(manager, TENANT, "other"), by_bus(TENANT, ":1.17"));

        manager_connection_closed(manager, CONNECTION + 1, NULL);
        manager_connection_closed(manager, 0, ":1.1");
        manager_connection_closed(manager, 0, ":1.171");
        ck_assert(is_there("held") && is_there("other"));
        manager_connection_closed(manager, CONNECTION, NULL);
        ck_assert(!is_there("held") && is_there("other"));
        manager_connection_closed(manager, 0, ":1.17");
        ck_assert(!is_there("other"));
}
END_TEST

/* Who else uses it does not hold it as well, nor instead. */
START_TEST(test_has_one_holder) {
        hold(box, by_varlink(TENANT, CONNECTION));
        hold(box, by_varlink(TENANT, CONNECTION + 1));
        hold(box, by_bus(TENANT, ":1.17"));
        manager_connection_closed(manager, CONNECTION + 1, NULL);
        manager_connection_closed(manager, 0, ":1.17");
        ck_assert(is_there("held"));
        ck_assert_uint_eq(box_check_hold(box, USEC_INFINITY - 1), USEC_INFINITY);
        manager_connection_closed(manager, CONNECTION, NULL);
        ck_assert(!is_there("held"));
}
END_TEST

/* One that is to stay is nobody's to hold. */
START_TEST(test_others_stay) {
        Box *stays = fixture_box("stays");

        hold(stays, by_varlink(TENANT, CONNECTION));
        box_let_go(stays);
        manager_connection_closed(manager, CONNECTION, NULL);
        manager_bus_lost(manager);
        ck_assert_uint_eq(box_check_hold(stays, USEC_INFINITY - 1), USEC_INFINITY);
        ck_assert(is_there("stays"));
}
END_TEST

/* The service or the bus was restarted: there is time to come back for it. */
START_TEST(test_let_go) {
        usec_t begin = manager_now(manager), deadline;

        hold(box, by_varlink(TENANT, CONNECTION));
        box_let_go(box);
        manager_connection_closed(manager, CONNECTION, NULL);
        ck_assert(is_there("held"));

        deadline = box_check_hold(box, begin);
        ck_assert_uint_ge(deadline, begin + RUN_ORPHAN_USEC);
        ck_assert_uint_lt(deadline, USEC_INFINITY);
        ck_assert_uint_le(manager->next_deadline, deadline);
        ck_assert_uint_eq(box_check_hold(box, deadline - 1), deadline);
        ck_assert(is_there("held"));

        /* The first of its owner's to use it is its holder. An admin who looks at it is not. */
        hold(box, by_varlink(0, 1));
        hold(box, by_varlink(TENANT + 1, 2));
        ck_assert_uint_eq(box_check_hold(box, deadline - 1), deadline);
        hold(box, by_bus(TENANT, ":1.17"));
        ck_assert_uint_eq(box_check_hold(box, deadline), USEC_INFINITY);
        manager_connection_closed(manager, 1, NULL);
        ck_assert(is_there("held"));
        manager_connection_closed(manager, 0, ":1.17");
        ck_assert(!is_there("held"));
}
END_TEST

START_TEST(test_nobody_comes) {
        usec_t deadline;

        hold(box, by_varlink(TENANT, CONNECTION));
        box_let_go(box);
        deadline = box_check_hold(box, 0);
        (void) box_check_hold(box, deadline);
        ck_assert(!is_there("held"));
}
END_TEST

/* Those that it held are let go, the others are not concerned. */
START_TEST(test_bus_is_lost) {
        Box *other = add_box("other");

        hold(box, by_varlink(TENANT, CONNECTION));
        hold(other, by_bus(TENANT, ":1.17"));
        manager_bus_lost(manager);
        ck_assert_uint_eq(box_check_hold(box, 0), USEC_INFINITY);
        ck_assert_uint_lt(box_check_hold(other, 0), USEC_INFINITY);

        /* Of the same name, but on another bus. */
        manager_connection_closed(manager, 0, ":1.17");
        ck_assert(is_there("held") && is_there("other"));
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_goes_with_its_connection, test_has_one_holder, test_others_stay,
                test_let_go, test_nobody_comes, test_bus_is_lost,
        };

        return test_run_as_root("box-hold", tests, ELEMENTSOF(tests), setup, teardown);
}
