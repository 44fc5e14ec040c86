/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base64.h"
#include "json-util.h"
#include "string-util.h"
#include "test-util.h"
#include "text-util.h"
#include "utf8.h"

START_TEST(test_compare_natural) {
        static const char *const sorted[] = { "", "0", "00", "1", "01", "2", "10", "99999999999999999999",
                                              "100000000000000000000", "a", "a1", "a2b", "a2b1", "a10", "a010b",
                                              "b", "\xc3\xa4" };

        /* "00" and "0", "01" and "1" are the same number: any order, but always the same. */
        for (size_t i = 0; i < ELEMENTSOF(sorted); i++)
                for (size_t k = 0; k < ELEMENTSOF(sorted); k++) {
                        int r = text_compare_natural(sorted[i], sorted[k]);

                        ck_assert_int_eq(r > 0, text_compare_natural(sorted[k], sorted[i]) < 0);
                        ck_assert_int_eq(r == 0, i == k);
                        if (!(strspn(sorted[i], "01") == strlen(sorted[i]) && strspn(sorted[k], "01") == strlen(sorted[k])))
                                ck_assert_msg((r < 0) == (i < k) || i == k, "%s %s", sorted[i], sorted[k]);
                }
}
END_TEST

static void check_escape(const char *s, bool keep_lines, const char *expected) {
        _cleanup_free_ char *text = text_escape(s, strlen(s), keep_lines);

        ck_assert_str_eq(text, expected);
}

START_TEST(test_escape) {
        _cleanup_free_ char *nul = text_escape("a\0b", 3, false);

        ck_assert_str_eq(nul, "a\\x00b");
        check_escape("plain text", false, "plain text");
        check_escape("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", false, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
        check_escape("\x1b[31mred", false, "\\x1b[31mred");
        check_escape("a\tb\nc\r", false, "a\\x09b\\x0ac\\x0d");
        check_escape("a\tb\nc\r", true, "a\tb\nc\\x0d");
        check_escape("del\x7f", true, "del\\x7f");
        /* U+009B is CSI, as good as ESC [ to a terminal. */
        check_escape("\xc2\x9b" "31m", true, "\\xc2\\x9b31m");
        check_escape("\xff\xc3", false, "\\xff\\xc3");
        check_escape("\xed\xa0\x80", false, "\\xed\\xa0\\x80");
}
END_TEST

static void check_split(const char *s, size_t n, const char *first, const char *last) {
        _cleanup_strv_free_ char **l = NULL;

        ck_assert_int_eq(text_split_colons(s, &l), 0);
        ck_assert_uint_eq(strv_length(l), n);
        ck_assert_str_eq(l[0], first);
        ck_assert_str_eq(l[n - 1], last);
}

START_TEST(test_split_colons) {
        char **l;

        check_split("a", 1, "a", "a");
        check_split("a:b", 2, "a", "b");
        check_split("a\\:b:c", 2, "a:b", "c");
        check_split("a\\\\:b", 2, "a\\", "b");
        check_split(":", 2, "", "");
        ck_assert_int_eq(text_split_colons("a\\b", &l), -EINVAL);
        ck_assert_int_eq(text_split_colons("a\\", &l), -EINVAL);
}
END_TEST

START_TEST(test_mask) {
        char s[] = "a\xff\xc3\xa4\xc3(\xe2\x82";

        utf8_mask(s);
        ck_assert_str_eq(s, "a?\xc3\xa4?(??");
}
END_TEST

START_TEST(test_base64) {
        static const struct {
                const char *s;
                int r;
                const char *expected;
        } table[] = {
                { "", 0, "" },
                { "YQ==", 0, "a" },
                { "YWI=", 0, "ab" },
                { "YWJj", 0, "abc" },
                { "//79", 0, "\xff\xfe\xfd" },
                { "YQ=", -EBADMSG, NULL },
                { "YQ", -EBADMSG, NULL },
                { "Y===", -EBADMSG, NULL },
                { "YQ==YQ==", -EBADMSG, NULL },
                { "Y Q=", -EBADMSG, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *text = NULL, *encoded = NULL;
                size_t size = 4711;

                ck_assert_msg(base64_decode(table[i].s, &text, &size) == table[i].r, "%s", table[i].s);
                if (table[i].r == 0) {
                        ck_assert_str_eq(text, table[i].expected);
                        ck_assert_uint_eq(size, strlen(table[i].expected));
                        encoded = base64_encode(text, size);
                        ck_assert_str_eq(encoded, table[i].s);
                } else
                        ck_assert_ptr_null(text);
        }
}
END_TEST

START_TEST(test_json_getters) {
        _cleanup_json_ json_object *o =
                json_tokener_parse("{\"n\":5,\"big\":\"18446744073709551615\",\"minus\":-1,\"s\":\"x\",\"null\":null}");
        uint64_t n = 4711;

        ck_assert(json_get_uint64(o, "n", &n) && n == 5);
        ck_assert(json_get_uint64(o, "big", &n) && n == UINT64_MAX);
        n = 4711;
        ck_assert(!json_get_uint64(o, "minus", &n));
        ck_assert(!json_get_uint64(o, "s", &n));
        ck_assert(!json_get_uint64(o, "null", &n));
        ck_assert(!json_get_uint64(o, "absent", &n));
        ck_assert(!json_get_uint64(NULL, "n", &n));
        ck_assert_uint_eq(n, 4711);
        ck_assert_ptr_null(json_get_string(o, "n"));
        ck_assert_ptr_null(json_get_string(o, "null"));
        ck_assert_ptr_null(json_get_array(o, "s"));
        ck_assert_int_eq(json_add_string(o, "bad", "\xff"), -EILSEQ);
        ck_assert_int_eq(json_add_uint64(o, "bad", UINT64_MAX), -ERANGE);
        ck_assert(!json_object_object_get_ex(o, "bad", NULL));
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_compare_natural, test_escape, test_split_colons, test_mask, test_base64, test_json_getters,
        };

        return test_run("text-util", tests, ELEMENTSOF(tests), NULL, NULL);
}
