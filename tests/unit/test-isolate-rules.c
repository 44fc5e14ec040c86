/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <stdlib.h>

#include "isolate-rules.h"
#include "string-util.h"
#include "test-util.h"

static DirRules rules;

static void setup(void) {
        ck_assert_int_eq(dir_rules_add_defaults(&rules), 0);
}

static void teardown(void) {
        dir_rules_done(&rules);
}

static const DirRule *added(const char *text, const char *inside) {
        ck_assert_int_eq(dir_rules_add(&rules, text, /* is_default= */ false), 0);
        return dir_rules_find(&rules, inside, /* with_defaults= */ true);
}

START_TEST(test_defaults) {
        ck_assert_uint_eq(rules.n, 9);
        ck_assert_str_eq(rules.items[0].inside, "box");
        ck_assert_str_eq(rules.items[0].outside, "./box");
        ck_assert_int_eq(rules.items[0].flags, DIR_RW);
        ck_assert_str_eq(dir_rules_find(&rules, "tmp", true)->outside, "./tmp/tmp");
        ck_assert_str_eq(dir_rules_find(&rules, "usr", true)->outside, "/usr");
        ck_assert_ptr_null(dir_rules_find(&rules, "usr", false));
        ck_assert(dir_rules_have_system(&rules, true));
        ck_assert(!dir_rules_have_system(&rules, false));
}
END_TEST

START_TEST(test_forms) {
        const DirRule *r;

        r = added("/a/b", "a/b");
        ck_assert_str_eq(r->outside, "/a/b");
        ck_assert_int_eq(r->flags, 0);
        r = added("x=/y:rw:noexec:maybe", "x");
        ck_assert_str_eq(r->outside, "/y");
        ck_assert_int_eq(r->flags, DIR_RW | DIR_NOEXEC | DIR_MAYBE);
        ck_assert_str_eq(added("x=./y", "x")->outside, "./y");
        ck_assert_str_eq(added("a/b/c:tmp", "a/b/c")->outside, "./tmp/a:b:c");
        ck_assert_int_eq(added("a/b/c:tmp", "a/b/c")->flags, DIR_TMP | DIR_RW);
        ck_assert_str_eq(added("/s=tmpfs:fs", "s")->outside, "tmpfs");
        ck_assert_int_eq(added("/s=/s:dev:norec", "s")->flags, DIR_DEV | DIR_NOREC);
}
END_TEST

/* In place of an earlier one, in its turn. */
START_TEST(test_replaced) {
        size_t n = rules.n;

        ck_assert_str_eq(added("/usr=/opt", "usr")->outside, "/opt");
        ck_assert_uint_eq(rules.n, n);
        ck_assert_str_eq(rules.items[n - 1].inside, "usr");
        ck_assert(!dir_rules_have_system(&rules, true));
        ck_assert_ptr_nonnull(dir_rules_find(&rules, "usr", false));

        ck_assert_ptr_null(added("bin=", "bin"));
        ck_assert_ptr_null(dir_rules_find(&rules, "no-such-rule", true));
}
END_TEST

static const char *const bad[] = {
        "", "/", "//", "=", "=/x", ":rw", "..", "a/..", "../a", "a/../b=/c", "x=y", "x=../y", "x:fancy", "x:", "x:rw:", "x:rw,noexec",
        "x=y:tmp", "x=/y:tmp", "x:fs", "x=:fs", "x=/proc:fs", "x:fs:tmp", "x=tmpfs:fs:tmp",
};

START_TEST(test_bad) {
        size_t n = rules.n;

        ck_assert_int_eq(dir_rules_add(&rules, bad[_i], /* is_default= */ false), -EINVAL);
        ck_assert_uint_eq(rules.n, n);
}
END_TEST

int main(void) {
        Suite *suite;
        TCase *t;

        suite = suite_create("isolate-rules");
        t = tcase_create("rules");
        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, test_defaults);
        tcase_add_test(t, test_forms);
        tcase_add_test(t, test_replaced);
        tcase_add_loop_test(t, test_bad, 0, (int) ELEMENTSOF(bad));
        suite_add_tcase(suite, t);

        return test_run_suite(suite);
}
