/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager-fixture.h"

static const char config_text[] =
        "[Tenant 4711]\nBoxesMax=3\nStorageMax=20M\nRunsMax=2\nRunningMax=5\nMemoryMax=1G\n"
        "[Tenant 4712]\nRunningMax=7\n";

static Tenant *tenant;

static void setup(void) {
        fixture_setup();
        fixture_configure(config_text);
        fixture_start(/* store= */ NULL);
        ck_assert_int_eq(tenant_get(manager, TENANT, &tenant), 0);
}

static void assert_refused(int r, Failure *f, const char *what, uint64_t limit) {
        ck_assert_int_eq(r, FAILURE_QUOTA_EXCEEDED);
        ck_assert_str_eq(f->name, what);
        ck_assert_uint_eq(f->number, limit);
        failure_done(f);
        *f = FAILURE_NULL;
}

static BoxSettings with_storage(uint64_t bytes) {
        BoxSettings s;

        box_settings_init(&s);
        s.storage_bytes = bytes;
        return s;
}

/* There while something is its, and found again. */
START_TEST(test_life) {
        BoxSettings s = with_storage(4096);
        Failure f = FAILURE_NULL;
        Tenant *other, *again;

        ck_assert_int_eq(tenant_get(manager, TENANT, &again), 0);
        ck_assert_ptr_eq(tenant, again);
        ck_assert_int_eq(tenant_get(manager, TENANT + 1, &other), 0);
        ck_assert_ptr_ne(tenant, other);
        ck_assert_uint_eq(HASH_COUNT(manager->tenants), 2);
        tenant_put(other);
        ck_assert_uint_eq(HASH_COUNT(manager->tenants), 1);

        ck_assert_int_eq(tenant_add_box(tenant, &s, &f), 0);
        ck_assert_int_eq(tenant_add_run(tenant, &f), 0);
        tenant_put(tenant);
        tenant_remove_box(tenant, &s);
        ck_assert_uint_eq(HASH_COUNT(manager->tenants), 1);
        tenant_remove_run(tenant);
        ck_assert_ptr_null(manager->tenants);
}
END_TEST

START_TEST(test_boxes) {
        BoxSettings s = with_storage(4096);
        Failure f = FAILURE_NULL;

        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(tenant_add_box(tenant, &s, &f), 0);
        assert_refused(tenant_add_box(tenant, &s, &f), &f, "boxes", 3);

        tenant_remove_box(tenant, &s);
        ck_assert_int_eq(tenant_add_box(tenant, &s, &f), 0);
        assert_refused(tenant_add_box(tenant, &s, &f), &f, "boxes", 3);

        for (int i = 0; i < 3; i++)
                tenant_remove_box(tenant, &s);
}
END_TEST

/* Of all boxes together, whatever in a box is stored in. */
START_TEST(test_storage) {
        BoxSettings half = with_storage(10 << 20), quarter = with_storage(5 << 20), image = with_storage(5 << 20),
                    tmpfs = with_storage(1 << 20);
        Failure f = FAILURE_NULL;

        image.image_writable = true;
        tmpfs.tmpfs[tmpfs.n_tmpfs++].bytes = 9 << 20;

        ck_assert_int_eq(tenant_add_box(tenant, &half, &f), 0);
        ck_assert_int_eq(tenant_add_box(tenant, &quarter, &f), 0);
        assert_refused(tenant_add_box(tenant, &half, &f), &f, "storage", 20 << 20);
        assert_refused(tenant_add_box(tenant, &image, &f), &f, "storage", 20 << 20);
        assert_refused(tenant_add_box(tenant, &tmpfs, &f), &f, "storage", 20 << 20);
        ck_assert_uint_eq(tenant->n_boxes, 2);

        tenant_remove_box(tenant, &quarter);
        ck_assert_int_eq(tenant_add_box(tenant, &image, &f), 0);
        tenant_remove_box(tenant, &image);
        ck_assert_int_eq(tenant_add_box(tenant, &tmpfs, &f), 0);
        ck_assert_uint_eq(tenant->storage_bytes, 20 << 20);
        tenant_remove_box(tenant, &tmpfs);

        /* Whom polkit has let have more. */
        image.may_exceed = true;
        image.storage_bytes = 100 << 20;
        ck_assert_int_eq(tenant_add_box(tenant, &image, &f), 0);
        assert_refused(tenant_add_box(tenant, &quarter, &f), &f, "storage", 20 << 20);
        tenant_remove_box(tenant, &image);
        ck_assert_int_eq(tenant_add_box(tenant, &quarter, &f), 0);

        tenant_remove_box(tenant, &half);
        tenant_remove_box(tenant, &quarter);
}
END_TEST

/* No budget, or polkit's leave to exceed it: a sum that would wrap is refused before, or taking a box away again would be
 * our end. */
static void assert_sum_does_not_wrap(bool may_exceed) {
        BoxSettings s = with_storage(UINT64_C(1) << 50);
        Failure f = FAILURE_NULL;
        size_t n = 0;
        int r;

        s.may_exceed = may_exceed;
        while (s.n_tmpfs < BOX_TMPFS_MAX)
                s.tmpfs[s.n_tmpfs++].bytes = UINT64_C(1) << 50;

        /* Half as many as there may be by default. */
        while ((r = tenant_add_box(tenant, &s, &f)) == 0)
                n++;
        assert_refused(r, &f, "storage", INT64_MAX);
        ck_assert_uint_le(tenant->storage_bytes, INT64_MAX);
        ck_assert_uint_gt(tenant->storage_bytes, INT64_MAX - budget_get_storage(&s));

        while (n-- > 0)
                tenant_remove_box(tenant, &s);
        ck_assert_ptr_null(manager->tenants);
}

START_TEST(test_storage_without_bound) {
        fixture_configure("");
        ck_assert_int_eq(manager_load_config(manager), 0);
        assert_sum_does_not_wrap(/* may_exceed= */ false);
}
END_TEST

START_TEST(test_storage_beyond_bound) {
        fixture_configure("[Tenant]\nStorageMax=1G\n");
        ck_assert_int_eq(manager_load_config(manager), 0);
        assert_sum_does_not_wrap(/* may_exceed= */ true);
}
END_TEST

START_TEST(test_runs) {
        Failure f = FAILURE_NULL;

        ck_assert_int_eq(tenant_add_run(tenant, &f), 0);
        ck_assert_int_eq(tenant_add_run(tenant, &f), 0);
        assert_refused(tenant_add_run(tenant, &f), &f, "runs", 2);
        tenant_remove_run(tenant);
        ck_assert_int_eq(tenant_add_run(tenant, &f), 0);
        tenant_remove_run(tenant);
        tenant_remove_run(tenant);
}
END_TEST

/* What is there already is no matter of the budget, but counts. */
START_TEST(test_adopted) {
        BoxSettings s = with_storage(15 << 20);
        Failure f = FAILURE_NULL;

        for (int i = 0; i < 5; i++) {
                tenant_adopt_box(tenant, &s);
                tenant_adopt_run(tenant);
        }
        ck_assert_uint_eq(tenant->storage_bytes, 75 << 20);
        assert_refused(tenant_add_box(tenant, &s, &f), &f, "boxes", 3);
        assert_refused(tenant_add_run(tenant, &f), &f, "runs", 2);

        for (int i = 0; i < 3; i++)
                tenant_remove_box(tenant, &s);
        assert_refused(tenant_add_box(tenant, &s, &f), &f, "storage", 20 << 20);
        for (int i = 0; i < 2; i++)
                tenant_remove_box(tenant, &s);
        for (int i = 0; i < 5; i++)
                tenant_remove_run(tenant);
        ck_assert_ptr_null(manager->tenants);
}
END_TEST

/* Each has its own, and a new one is in force at once. */
START_TEST(test_budgets) {
        Budget budget;
        Tenant *other;

        ck_assert_uint_eq(tenant_get_running_max(tenant), 5);
        ck_assert_int_eq(tenant_get(manager, TENANT + 1, &other), 0);
        ck_assert_uint_eq(tenant_get_running_max(other), 7);
        tenant_put(other);

        tenant_get_budget(manager, TENANT, &budget);
        ck_assert_uint_eq(budget.values[BUDGET_BOXES], 3);
        ck_assert_uint_eq(budget.values[BUDGET_MEMORY], 1 << 30);

        fixture_configure("[Tenant 4711]\nRunningMax=1\nMemoryMax=2G\n");
        ck_assert_int_eq(manager_load_config(manager), 0);
        ck_assert_uint_eq(tenant_get_running_max(tenant), 1);
        tenant_get_budget(manager, TENANT, &budget);
        ck_assert_uint_eq(budget.values[BUDGET_MEMORY], UINT64_C(2) << 30);
        for (BudgetType t = 0; t < _BUDGET_TYPE_MAX; t++)
                ck_assert_uint_gt(budget.values[t], 0);
}
END_TEST

static void on_admitted(AdmissionTicket *t, void *userdata) {
        unsigned *n = userdata;

        (*n)++;
}

/* More may go on in all, but less of one tenant's: no run begins by what was in force before. */
START_TEST(test_new_bounds_together) {
        AdmissionTicket tickets[3] = {};
        unsigned n_begun = 0;

        fixture_configure("[Manager]\nConcurrentRuns=1\n[Tenant 4711]\nRunningMax=5\n");
        ck_assert_int_eq(manager_load_config(manager), 0);
        for (size_t i = 0; i < ELEMENTSOF(tickets); i++) {
                AdmissionWish wish = { .tenant = TENANT, .max_running = tenant_get_running_max(tenant) };

                ck_assert_int_eq(admission_enter(manager->admission, &wish, 0, tickets + i, on_admitted, &n_begun),
                                 i == 0);
        }

        fixture_configure("[Manager]\nConcurrentRuns=8\n[Tenant 4711]\nRunningMax=1\n");
        ck_assert_int_eq(manager_load_config(manager), 0);
        ck_assert_uint_eq(n_begun, 0);

        fixture_configure("[Manager]\nConcurrentRuns=8\n[Tenant 4711]\nRunningMax=2\n");
        ck_assert_int_eq(manager_load_config(manager), 0);
        ck_assert_uint_eq(n_begun, 1);

        for (size_t i = 0; i < ELEMENTSOF(tickets); i++)
                admission_leave(tickets + i);
}
END_TEST

static void teardown(void) {
        /* As any that nothing came of: its tests have left nothing of it, or nothing but itself. */
        if (manager->tenants)
                tenant_put(manager->tenants);
        ck_assert_ptr_null(manager->tenants);
        fixture_teardown();
}

int main(void) {
        const TTest *const tests[] = {
                test_life,    test_boxes,   test_storage, test_runs,
                test_adopted, test_budgets, test_new_bounds_together,
                test_storage_without_bound, test_storage_beyond_bound,
        };

        return test_run_as_root("tenant", tests, ELEMENTSOF(tests), setup, teardown);
}
