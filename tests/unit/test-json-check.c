/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <float.h>
#include <math.h>

#include "json-parse.h"
#include "string-util.h"
#include "test-util.h"
#include "time-util.h"
#include "utf8.h"

static const JsonBounds bounds = { .depth = 32, .n_values = JSON_CHECK_VALUES_MAX };

/* The text ends where the memory does, so that a sanitizer sees a byte read too many. */
static int check_exactly(const char *text, size_t size, size_t *offset) {
        _cleanup_free_ char *copy = NULL;

        copy = malloc(size ?: 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, size);
        return json_check(copy, size, &bounds, offset);
}

#define T(s) { s, sizeof(s) - 1, 0 }
#define F(s, r) { s, sizeof(s) - 1, r }

typedef struct Case {
        const char *text;
        size_t size;
        int result;
} Case;

static void run_cases(const Case *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                size_t offset = SIZE_MAX;
                int r;

                r = check_exactly(cases[i].text, cases[i].size, &offset);
                ck_assert_msg(r == cases[i].result, "case %zu: '%s': %i", i, cases[i].text, r);
                if (r < 0)
                        ck_assert_uint_le(offset, cases[i].size);
                else
                        ck_assert_uint_eq(offset, SIZE_MAX);
        }
}

START_TEST(test_structure) {
        static const Case cases[] = {
                T("{}"),
                T("[]"),
                T("null"),
                T("true"),
                T("false"),
                T("5"),
                T("\"\""),
                T(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n"),
                T("[[]]"),
                T("[{},[],null,true,false,\"x\",-1.5e3]"),
                F("", -EBADMSG),
                F(" ", -EBADMSG),
                F("{", -EBADMSG),
                F("[", -EBADMSG),
                F("}", -EBADMSG),
                F("]", -EBADMSG),
                F("[}", -EBADMSG),
                F("{]", -EBADMSG),
                F("[1}", -EBADMSG),
                F("{\"a\":1]", -EBADMSG),
                F("[1,]", -EBADMSG),
                F("[,1]", -EBADMSG),
                F("[1 2]", -EBADMSG),
                F("{\"a\":1,}", -EBADMSG),
                F("{,}", -EBADMSG),
                F("{\"a\"}", -EBADMSG),
                F("{\"a\":}", -EBADMSG),
                F("{\"a\" 1}", -EBADMSG),
                F("{a:1}", -EBADMSG),
                F("{1:1}", -EBADMSG),
                F("{'a':1}", -EBADMSG),
                F("'a'", -EBADMSG),
                F("{}{}", -EBADMSG),
                F("{} x", -EBADMSG),
                F("1 2", -EBADMSG),
                F("/* */1", -EBADMSG),
                F("1//", -EBADMSG),
                F("nul", -EBADMSG),
                F("nulll", -EBADMSG),
                F("True", -EBADMSG),
                F("NaN", -EBADMSG),
                F("Infinity", -EBADMSG),
                F("-Infinity", -EBADMSG),
                F("undefined", -EBADMSG),
                F("\xef\xbb\xbf{}", -EBADMSG),
                F("{}\0", -EBADMSG),
                F("\0", -EBADMSG),
                F("\x0b" "1", -EBADMSG),
        };

        run_cases(cases, ELEMENTSOF(cases));
}
END_TEST

START_TEST(test_numbers) {
        static const Case cases[] = {
                T("0"),
                T("-0"),
                T("10"),
                T("-1"),
                T("0.5"),
                T("1.0"),
                T("1e5"),
                T("1E+5"),
                T("1e-5"),
                T("0e0"),
                T("1e-400"),
                T("9.99e307"),
                T("-9.99e307"),
                T("9223372036854775807"),
                T("-9223372036854775808"),
                T("9223372036854775808"),
                T("18446744073709551615"),
                F("18446744073709551616", -ERANGE),
                F("-9223372036854775809", -ERANGE),
                F("99999999999999999999999999999999999999999", -ERANGE),
                F("1e308", -ERANGE),
                F("1e309", -ERANGE),
                F("1e99999999999999999999", -ERANGE),
                F("[1,1e400]", -ERANGE),
                F("01", -EBADMSG),
                F("-01", -EBADMSG),
                F("00", -EBADMSG),
                F("+1", -EBADMSG),
                F("-", -EBADMSG),
                F("--1", -EBADMSG),
                F(".5", -EBADMSG),
                F("1.", -EBADMSG),
                F("1.e5", -EBADMSG),
                F("1e", -EBADMSG),
                F("1e+", -EBADMSG),
                F("0x10", -EBADMSG),
                F("12x", -EBADMSG),
                F("1_000", -EBADMSG),
                F("1 000", -EBADMSG),
                F("1,5", -EBADMSG),
                F("1.5.5", -EBADMSG),
        };

        run_cases(cases, ELEMENTSOF(cases));
}
END_TEST

START_TEST(test_strings) {
        static const Case cases[] = {
                T("\"abc\""),
                T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
                T("\"\\u0001\\u00e4\\uFFFF\""),
                T("\"\\ud83d\\ude00\""),
                T("\"\x7f\""),
                T("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\""),
                F("\"", -EBADMSG),
                F("\"abc", -EBADMSG),
                F("\"\\", -EBADMSG),
                F("\"\\\"", -EBADMSG),
                F("\"\\x41\"", -EBADMSG),
                F("\"\\'\"", -EBADMSG),
                F("\"\\u\"", -EBADMSG),
                F("\"\\u12\"", -EBADMSG),
                F("\"\\u123g\"", -EBADMSG),
                F("\"\\u123", -EBADMSG),
                F("\"\\U0041\"", -EBADMSG),
                F("\"a\nb\"", -EBADMSG),
                F("\"a\tb\"", -EBADMSG),
                F("\"a\0b\"", -EBADMSG),
                F("\"\x1f\"", -EBADMSG),
                F("\"\\u0000\"", -EILSEQ),
                F("{\"a\\u0000b\":1}", -EILSEQ),
                F("\"\\ud800\"", -EILSEQ),
                F("\"\\udc00\"", -EILSEQ),
                F("\"\\ud800\\u0041\"", -EILSEQ),
                F("\"\\ud800\\ud800\"", -EILSEQ),
                F("\"\\ud800x\"", -EILSEQ),
                F("\"\\ud800\\", -EILSEQ),
                F("\"\\ud800\\udc0", -EILSEQ),
                F("\"\\ude00\\ud83d\"", -EILSEQ),
                F("\"\x80\"", -EILSEQ),
                F("\"\xc0\x80\"", -EILSEQ),
                F("\"\xc1\xbf\"", -EILSEQ),
                F("\"\xe0\x9f\xbf\"", -EILSEQ),
                F("\"\xed\xa0\x80\"", -EILSEQ),
                F("\"\xf0\x8f\xbf\xbf\"", -EILSEQ),
                F("\"\xf4\x90\x80\x80\"", -EILSEQ),
                F("\"\xf5\x80\x80\x80\"", -EILSEQ),
                F("\"\xff\"", -EILSEQ),
                F("\"\xc3\"", -EILSEQ),
                F("\"\xc3", -EILSEQ),
                F("\"\xe2\x82\"", -EILSEQ),
                F("{\"\xff\":1}", -EILSEQ),
        };

        run_cases(cases, ELEMENTSOF(cases));
}
END_TEST

START_TEST(test_duplicate_keys) {
        static const Case cases[] = {
                T("{\"a\":1,\"b\":1}"),
                T("{\"a\":{\"a\":{\"a\":1}}}"),
                T("[{\"a\":1},{\"a\":1}]"),
                T("{\"a\":1,\"A\":1}"),
                T("{\"a\":1,\"aa\":1,\"\":1}"),
                T("{\"a\":{\"b\":1},\"b\":1}"),
                T("{\"\\u00e4\":1,\"\\u00e5\":1}"),
                T("{\"\\n\":1,\"n\":1}"),
                F("{\"a\":1,\"a\":2}", -ENOTUNIQ),
                F("{\"a\":1,\"b\":{},\"a\":2}", -ENOTUNIQ),
                F("{\"\":1,\"\":2}", -ENOTUNIQ),
                F("[{\"x\":{\"a\":1,\"a\":2}}]", -ENOTUNIQ),
                F("{\"a\":{\"b\":1},\"a\":1}", -ENOTUNIQ),
                F("{\"a\":1,\"\\u0061\":2}", -ENOTUNIQ),
                F("{\"\\u0061\":1,\"\\u0061\":2}", -ENOTUNIQ),
                F("{\"\xc3\xa4\":1,\"\\u00e4\":2}", -ENOTUNIQ),
                F("{\"\xe2\x82\xac\":1,\"\\u20AC\":2}", -ENOTUNIQ),
                F("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}", -ENOTUNIQ),
                F("{\"/\":1,\"\\/\":2}", -ENOTUNIQ),
                F("{\"\\b\\f\\n\\r\\t\":1,\"\\u0008\\u000c\\u000a\\u000D\\u0009\":2}", -ENOTUNIQ),
                F("{\"\\\"\":1,\"\\u0022\":2}", -ENOTUNIQ),
        };

        run_cases(cases, ELEMENTSOF(cases));
}
END_TEST

/* With many keys they are sorted instead of compared one by one; and 50,000 of them are no work for seconds. */
START_TEST(test_many_keys) {
        static const size_t counts[] = { 8, 9, 33, 1000, 50000 };

        for (size_t k = 0; k < ELEMENTSOF(counts); k++) {
                _cleanup_free_ char *text = NULL;
                usec_t start;
                char *p;

                text = p = malloc(counts[k] * 16 + 32);
                ck_assert_ptr_nonnull(text);

                *p++ = '{';
                for (size_t i = 0; i < counts[k]; i++)
                        p += sprintf(p, "\"key%zu\":1,", i * 7919 % counts[k]);

                start = now_usec(CLOCK_MONOTONIC);
                strcpy(p, "\"other\":1}");
                ck_assert_int_eq(json_check(text, strlen(text), &bounds, NULL), 0);
                strcpy(p, "\"\\u006bey3\":1}");
                ck_assert_int_eq(json_check(text, strlen(text), &bounds, NULL), -ENOTUNIQ);
                ck_assert_uint_lt(now_usec(CLOCK_MONOTONIC) - start, 5 * USEC_PER_SEC);
        }
}
END_TEST

START_TEST(test_bounds) {
        char text[256];
        size_t n;

        for (n = 1; n <= 40; n++) {
                memset(text, '[', n);
                memset(text + n, ']', n);
                ck_assert_int_eq(json_check(text, 2 * n, &bounds, NULL), n <= 32 ? 0 : -E2BIG);

                /* A scalar is no level of its own. */
                text[n] = '1';
                memset(text + n + 1, ']', n);
                ck_assert_int_eq(json_check(text, 2 * n + 1, &bounds, NULL), n <= 32 ? 0 : -E2BIG);
        }

        ck_assert_int_eq(json_check("1", 1, &(JsonBounds) { .depth = 0, .n_values = 1 }, NULL), 0);
        ck_assert_int_eq(json_check("[]", 2, &(JsonBounds) { .depth = 0, .n_values = 1 }, NULL), -E2BIG);
        ck_assert_int_eq(json_check("[1,2]", 5, &(JsonBounds) { .depth = 1, .n_values = 3 }, NULL), 0);
        ck_assert_int_eq(json_check("[1,2]", 5, &(JsonBounds) { .depth = 1, .n_values = 2 }, NULL), -E2BIG);
}
END_TEST

/* Every piece of a valid text that is cut short is refused, wherever it ends. */
START_TEST(test_truncated) {
        static const char text[] = "{\"a\":[1,-2.5e+3,\"\\ud83d\\ude00\xc3\xa4\"],\"b\":{\"c\":null,\"d\":true},\"e\":\"\\n\"}";

        ck_assert_int_eq(check_exactly(text, strlen(text), NULL), 0);
        for (size_t i = 0; i < strlen(text); i++)
                ck_assert_int_lt(check_exactly(text, i, NULL), 0);
}
END_TEST

static int parse(const char *text, json_object **ret) {
        return json_parse_checked(text, strlen(text), &bounds, NULL, ret);
}

START_TEST(test_parse) {
        json_object *o = NULL;
        json_tokener *t;

        ck_assert_int_eq(parse("{\"a\":[1,2]} \n", &o), 0);
        ck_assert(json_object_is_type(o, json_type_object));
        json_object_put(o);

        ck_assert_int_eq(parse("12", &o), 0);
        ck_assert_int_eq(json_object_get_int64(o), 12);
        json_object_put(o);

        ck_assert_int_eq(parse("-0.5", &o), 0);
        ck_assert(json_object_get_double(o) < -0.4);
        json_object_put(o);

        ck_assert_int_eq(parse(" true ", &o), 0);
        ck_assert(json_object_get_boolean(o));
        json_object_put(o);

        o = (json_object *) &bounds;
        ck_assert_int_eq(parse("null", &o), 0);
        ck_assert_ptr_null(o);

        ck_assert_int_eq(parse("18446744073709551615", &o), 0);
        ck_assert(json_object_get_uint64(o) == UINT64_MAX);
        json_object_put(o);

        /* Nothing is written on failure. */
        o = NULL;
        ck_assert_int_eq(parse("{'a':1}", &o), -EBADMSG);
        ck_assert_ptr_null(o);

        /* A tokener serves again after any text. */
        t = json_tokener_new_ex((int) bounds.depth + 1);
        for (size_t i = 0; i < 3; i++) {
                static const char deep[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";

                ck_assert_int_eq(json_parse_checked("7", 1, &bounds, t, &o), 0);
                ck_assert_int_eq(json_object_get_int(o), 7);
                json_object_put(o);
                ck_assert_int_eq(json_parse_checked("[1", 2, &bounds, t, &o), -EBADMSG);
                ck_assert_int_eq(json_parse_checked(deep, strlen(deep), &bounds, t, &o), 0);
                json_object_put(o);
        }
        json_tokener_free(t);
}
END_TEST

START_TEST(test_output) {
        static const struct {
                const char *s;
                size_t size;
                int r;
        } strings[] = {
                { "", 0, 0 },
                { "abc\n\"\\/\x7f", 8, 0 },
                { "\xc3\xa4", 2, 0 },
                { "\xc3", 1, -EILSEQ },
                { "a\0b", 3, -EILSEQ },
                { "\xed\xa0\x80", 3, -EILSEQ },
        };
        json_object *o, *in;

        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                o = json_object_new_array();
                json_object_array_add(o, json_object_new_string_len(strings[i].s, (int) strings[i].size));
                ck_assert_int_eq(json_object_check_output(o, 2), strings[i].r);
                json_object_put(o);
        }

        o = json_object_new_object();
        json_object_object_add(o, "a\xff", NULL);
        ck_assert_int_eq(json_object_check_output(o, 2), -EILSEQ);
        json_object_put(o);

        o = json_object_new_double(NAN);
        ck_assert_int_eq(json_object_check_output(o, 2), -ERANGE);
        json_object_put(o);
        o = json_object_new_double(-INFINITY);
        ck_assert_int_eq(json_object_check_output(o, 2), -ERANGE);
        json_object_put(o);
        o = json_object_new_double(0.1);
        ck_assert_int_eq(json_object_check_output(o, 2), 0);
        json_object_put(o);

        /* What others would refuse to read, we do not write either. */
        o = json_object_new_double(DBL_MAX);
        ck_assert_int_eq(json_object_check_output(o, 2), -ERANGE);
        json_object_put(o);

        ck_assert_int_eq(json_object_check_output(NULL, 0), 0);

        o = in = json_object_new_array();
        for (size_t i = 0; i < 4; i++) {
                json_object *a = json_object_new_array();

                json_object_array_add(in, a);
                in = a;
        }
        ck_assert_int_eq(json_object_check_output(o, 5), 0);
        ck_assert_int_eq(json_object_check_output(o, 4), -E2BIG);
        json_object_put(o);
}
END_TEST

/* Texts that were damaged at random: whatever the check lets through, json-c reads, and what it writes then
 * passes again. */
START_TEST(test_damaged) {
        static const char *const seeds[] = {
                "{\"method\":\"org.example.Test.Ping\",\"parameters\":{\"a\":[1,2.5,-3e2],\"b\":null},\"more\":true}",
                "{\"\\ud83d\\ude00\":\"\xe2\x82\xac\",\"n\":18446744073709551615,\"m\":-9223372036854775808}",
                "[[[{\"k\":[[]],\"\":{}}],0.25,1e10,\"\\u0041\\n\"],false,true,null]",
        };
        static const char bytes[] = "{}[]:,\"\\u0123456789eE+-. ntrf\xc3\xa4\xed\x80";
        uint32_t random = 4711;
        size_t n_good = 0;

        for (size_t i = 0; i < 60000; i++) {
                _cleanup_free_ char *text = strdup(seeds[i % ELEMENTSOF(seeds)]);
                size_t size = strlen(text);
                json_object *o = NULL;
                const char *s;
                int r;

                for (unsigned k = 0; k < 1 + i % 3; k++) {
                        random = random * 1664525U + 1013904223U;
                        text[(random >> 8) % size] = bytes[(random >> 20) % (sizeof(bytes) - 1)];
                }

                r = check_exactly(text, size, NULL);
                if (r < 0) {
                        ck_assert(r == -EBADMSG || r == -EILSEQ || r == -ENOTUNIQ || r == -ERANGE);
                        continue;
                }

                n_good++;
                ck_assert_msg(json_parse_checked(text, size, &bounds, NULL, &o) == 0, "%s", text);
                ck_assert_msg(json_object_check_output(o, 32) == 0, "%s", text);
                s = json_object_to_json_string_ext(
                                o,
                                JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
                ck_assert_msg(json_check(s, strlen(s), &bounds, NULL) == 0, "%s became %s", text, s);
                json_object_put(o);
        }

        ck_assert_uint_gt(n_good, 1000);
}
END_TEST

START_TEST(test_utf8) {
        ck_assert(utf8_is_valid_n("", 0));
        ck_assert(utf8_is_valid_n("a\0b", 3));
        ck_assert(!utf8_is_valid_n("\xc3", 1));
        ck_assert(!utf8_is_valid_n("\xf0\x9f\x98", 3));

        /* Every code point, encoded by hand; the surrogates in between are refused. */
        for (uint32_t u = 0x80; u <= 0x110000; u++) {
                char s[4];
                size_t n;

                if (u < 0x800) {
                        s[0] = (char) (0xc0 | u >> 6);
                        n = 2;
                } else if (u < 0x10000) {
                        s[0] = (char) (0xe0 | u >> 12);
                        n = 3;
                } else {
                        s[0] = (char) (0xf0 | u >> 18);
                        n = 4;
                }
                for (size_t i = 1; i < n; i++)
                        s[i] = (char) (0x80 | (u >> 6 * (n - 1 - i) & 0x3f));

                /* Not ck_assert(), which would take seconds for a million. */
                if (utf8_sequence(s, n) != ((u >= 0xd800 && u < 0xe000) || u > 0x10ffff ? 0 : n) ||
                    utf8_sequence(s, n - 1) != 0)
                        ck_abort_msg("U+%04X", u);
        }
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_structure, test_numbers, test_strings, test_duplicate_keys, test_many_keys, test_bounds,
                test_truncated, test_parse, test_output, test_damaged, test_utf8,
        };

        return test_run("json-check", tests, ELEMENTSOF(tests), NULL, NULL);
}
