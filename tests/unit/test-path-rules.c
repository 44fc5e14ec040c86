/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "path-rules.h"
#include "test-util.h"

static PathRules rules;

static void setup(void) {
        rules = (PathRules) {};
}

static void teardown(void) {
        path_rules_done(&rules);
}

static int add(const char *path, bool read) {
        return path_rules_add(&rules, &(PathRule) { .path = (char *) path, .read = read });
}

START_TEST(test_copy) {
        _cleanup_(path_rules_done) PathRules copy = {};

        ck_assert_int_eq(path_rules_copy(&rules, &copy), 0);
        ck_assert_uint_eq(copy.n, 0);

        ck_assert_int_eq(add("/usr", true), 0);
        ck_assert_int_eq(path_rules_add(&rules, &(PathRule) { .path = (char *) "a", .write = true, .execute = true,
                                                              .optional = true }), 0);
        ck_assert_int_eq(path_rules_copy(&rules, &copy), 0);
        path_rules_done(&rules);

        ck_assert_uint_eq(copy.n, 2);
        ck_assert_str_eq(copy.rules[0].path, "/usr");
        ck_assert(copy.rules[0].read && !copy.rules[0].write && !copy.rules[0].execute && !copy.rules[0].optional);
        ck_assert_str_eq(copy.rules[1].path, "a");
        ck_assert(!copy.rules[1].read && copy.rules[1].write && copy.rules[1].execute && copy.rules[1].optional);
}
END_TEST

START_TEST(test_too_many) {
        for (size_t i = 0; i < PATH_RULES_MAX; i++)
                ck_assert_int_eq(add("/x", true), 0);
        ck_assert_int_eq(add("/x", true), -E2BIG);
        ck_assert_uint_eq(rules.n, PATH_RULES_MAX);
}
END_TEST

START_TEST(test_contradiction) {
        static const struct {
                const char *given, *exception;
                bool contradict;
        } table[] = {
                { "/usr", "/usr/lib", true },
                { "/usr", "/usr", true },
                { "/", "/usr", true },
                { "//usr/./", "/./usr//lib/", true },
                { ".", "/box/x", true },
                { "a", "/box/a/b", true },
                { "/box", "a", true },
                { "/", "a", true },
                { "/usr/lib", "/usr", false },
                { "/usr", "/usrlib", false },
                { "/usrlib", "/usr", false },
                { "/usr/lib", "/usr/li", false },
                { "a", "/box", false },
                { "/a", "a", false },
                { "a", "/", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                size_t exception, other;

                setup();
                ck_assert_int_eq(add(table[i].exception, false), 0);
                ck_assert_int_eq(add(table[i].given, true), 0);
                ck_assert_msg(path_rules_contradict(&rules, &exception, &other) == table[i].contradict, "%s %s",
                              table[i].given, table[i].exception);
                if (table[i].contradict) {
                        ck_assert_uint_eq(exception, 0);
                        ck_assert_uint_eq(other, 1);
                }
                teardown();
        }
}
END_TEST

/* Rules that give something add up, and two that give nothing agree. */
START_TEST(test_no_contradiction) {
        size_t exception, other;

        ck_assert_int_eq(add("/", true), 0);
        ck_assert_int_eq(path_rules_add(&rules, &(PathRule) { .path = (char *) "/box", .write = true }), 0);
        ck_assert(!path_rules_contradict(&rules, &exception, &other));

        path_rules_done(&rules);
        ck_assert_int_eq(add("/", false), 0);
        ck_assert_int_eq(add("/box", false), 0);
        ck_assert(!path_rules_contradict(&rules, &exception, &other));
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_copy, test_too_many, test_contradiction, test_no_contradiction };

        return test_run("path-rules", tests, ELEMENTSOF(tests), setup, teardown);
}
