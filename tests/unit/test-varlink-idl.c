/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <fcntl.h>

#include "fd-util.h"
#include "json-parse.h"
#include "string-util.h"
#include "test-util.h"
#include "varlink-idl.h"
#include "varlink-interfaces.h"
#include "varlink-internal.h"

static int parse(const char *text) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;

        return varlink_idl_parse(text, NULL, &idl);
}

static void good(const char *text) {
        ck_assert_msg(parse(text) == 0, "%s", text);
}

static void bad(const char *text) {
        ck_assert_msg(parse(text) == -EINVAL, "%s", text);
}

START_TEST(test_grammar_good) {
        good("interface a.b");
        good("interface a.b\n");
        good("# comment\n\n  interface org.example-1.x9 # more\n#and\n");
        good("interface a.b\ntype T (a: int)\n");
        good("interface a.b\ntype T(a:int)");
        good("interface a.b\r\ntype T (\r\n a: int\r\n)\r\n");
        good("interface a.b\ntype T (one, two, three)\n");
        good("interface a.b\ntype T (one)\n");
        good("interface a.b\ntype T (# first\n a: int, # second\n # third\n b: string)\n");
        good(
                        "interface a.b\ntype T (a: ?int, b: ?[]int, c: []string, d: [string]bool,"
                        " e: ?[string]float, f: object)\n");
        good("interface a.b\ntype T (a: (x: int, y: (u, v)), b: ?[](z: [string]object))\n");
        good("interface a.b\nmethod M() -> ()\n");
        good("interface a.b\nmethod M()->()\n");
        good("interface a.b\nmethod M(\n# nothing\n) -> (\n# nothing\n)\n");
        good("interface a.b\nmethod M(a: T) -> (b: ?[]T)\ntype T (a: ?T)\n");
        good("interface a.b\nerror E ()\nerror F (a: T)\ntype T (x)\n");
        good(
                        "interface a.b\ntype Interface (interface: int, type: int, method: int, error: int,"
                        " string: string)\n");
        good("interface a.b\ntype T (a_b: int, aB9: int, A: int)");
        good("interface a.b\nmethod M() -> () # trailing\n# last");
        good("interface a.b\n# \xc3\xa4\n");
}
END_TEST

START_TEST(test_grammar_bad) {
        bad("");
        bad("#");
        bad("interface");
        bad("interface \n");
        bad("interface a\n");
        bad("interface a.\n");
        bad("interface .a\n");
        bad("interface a..b\n");
        bad("interface a-.b\n");
        bad("interface a.-b\n");
        bad("interface a.b-\n");
        bad("interface 1a.b\n");
        bad("interface a.b_c\n");
        bad("interface a.b c\n");
        bad("Interface a.b\n");
        bad("interfacea.b\n");
        bad("interface a.b type T (a: int)\n");
        bad("type T (a: int)\n");
        bad("interface a.b\ninterface c.d\n");
        bad("interface a.b\nnonsense\n");
        bad("interface a.b\ntype\n");
        bad("interface a.b\ntype T\n");
        bad("interface a.b\ntype T (\n");
        bad("interface a.b\ntype T (a\n");
        bad("interface a.b\ntype T (a:\n");
        bad("interface a.b\ntype T (a: int\n");
        bad("interface a.b\ntype T (a: int,\n");
        bad("interface a.b\ntype t (a: int)\n");
        bad("interface a.b\ntype T_x (a: int)\n");
        bad("interface a.b\ntype 1T (a: int)\n");
        bad("interface a.b\ntype T (a: int) type U (a: int)\n");
        bad("interface a.b\ntype T (a: int) x\n");

        /* What systemd 257 refuses. */
        bad("interface a.b\ntype T ()\n");
        bad("interface a.b\ntype T (\n# nothing\n)\n");
        bad("interface a.b\ntype T (a: ())\n");
        bad("interface a.b\ntype T (a: int,)\n");
        bad("interface a.b\ntype T (a: int, # last\n)\n");
        bad("interface a.b\ntype T (a: int # here\n)\n");
        bad("interface a.b\ntype T (a # here\n: int)\n");
        bad("interface a.b\ntype T (a: # here\n int)\n");
        bad("interface a.b\ntype T (a: [][]int)\n");
        bad("interface a.b\ntype T (a: []?int)\n");
        bad("interface a.b\ntype T (a: ??int)\n");
        bad("interface a.b\ntype T (a: [int]string)\n");
        bad("interface a.b\ntype T (a: [ ]int)\n");
        bad("interface a.b\ntype T (a: integer)\n");
        bad("interface a.b\ntype T (a: Unknown)\n");
        bad("interface a.b\ntype T (a: M)\nmethod M() -> ()\n");
        bad("interface a.b\ntype T (a: E)\nerror E ()\n");

        bad("interface a.b\ntype T (a: int, b)\n");
        bad("interface a.b\ntype T (a, b: int)\n");
        bad("interface a.b\ntype T (a: int b: int)\n");
        bad("interface a.b\ntype T (a, a)\n");
        bad("interface a.b\ntype T (a: int, a: string)\n");
        bad("interface a.b\ntype T (_a: int)\n");
        bad("interface a.b\ntype T (a_: int)\n");
        bad("interface a.b\ntype T (a__b: int)\n");
        bad("interface a.b\ntype T (1a: int)\n");
        bad("interface a.b\ntype T (a-b: int)\n");
        bad("interface a.b\ntype T (a: int)\ntype T (b: int)\n");
        bad("interface a.b\ntype T (a: int)\nerror T ()\n");
        bad("interface a.b\nmethod T() -> ()\nerror T ()\n");
        bad("interface a.b\nmethod M\n");
        bad("interface a.b\nmethod M()\n");
        bad("interface a.b\nmethod M() -\n");
        bad("interface a.b\nmethod M() - > ()\n");
        bad("interface a.b\nmethod M() ->\n");
        bad("interface a.b\nmethod M() -> (a)\n");
        bad("interface a.b\nmethod M(a) -> ()\n");
        bad("interface a.b\nmethod M() -> () -> ()\n");
        bad("interface a.b\nerror E\n");
        bad("interface a.b\nerror E (a)\n");
        bad("interface a.b\nerror E () -> ()\n");
        bad("interface a.b\n# \xff\n");
        bad("interface a.b\x01\n");
}
END_TEST

START_TEST(test_error_line) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        unsigned line = 0;

        ck_assert_int_eq(
                        varlink_idl_parse("interface a.b\n\n# x\ntype T (\n        a: int,\n        b: nothing\n)\n", &line, &idl),
                        -EINVAL);
        ck_assert_uint_eq(line, 6);
        ck_assert_ptr_null(idl);
}
END_TEST

START_TEST(test_bounds) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        char *p;

        size = VARLINK_IDL_SYMBOLS_MAX * 32;
        text = malloc(VARLINK_IDL_SIZE_MAX + 64);

        for (unsigned n = VARLINK_IDL_SYMBOLS_MAX; n <= VARLINK_IDL_SYMBOLS_MAX + 1; n++) {
                p = stpcpy(text, "interface a.b\n");
                for (unsigned i = 0; i < n; i++)
                        p += sprintf(p, "error E%u ()\n", i);
                ck_assert_uint_lt(p - text, size);
                ck_assert_int_eq(parse(text), n <= VARLINK_IDL_SYMBOLS_MAX ? 0 : -EINVAL);
        }

        for (unsigned n = VARLINK_IDL_FIELDS_MAX; n <= VARLINK_IDL_FIELDS_MAX + 1; n++) {
                p = stpcpy(text, "interface a.b\ntype T (");
                for (unsigned i = 0; i < n; i++)
                        p += sprintf(p, "%sf%u", i > 0 ? "," : "", i);
                strcpy(p, ")");
                ck_assert_int_eq(parse(text), n <= VARLINK_IDL_FIELDS_MAX ? 0 : -EINVAL);
        }

        for (unsigned n = VARLINK_IDL_DEPTH_MAX; n <= VARLINK_IDL_DEPTH_MAX + 1; n++) {
                p = stpcpy(text, "interface a.b\ntype T ");
                for (unsigned i = 0; i < n; i++)
                        p = stpcpy(p, "(a: ");
                p = stpcpy(p, "int");
                for (unsigned i = 0; i < n; i++)
                        p = stpcpy(p, ")");
                ck_assert_int_eq(parse(text), n <= VARLINK_IDL_DEPTH_MAX ? 0 : -EINVAL);
        }

        for (unsigned n = VARLINK_IDL_SIZE_MAX; n <= VARLINK_IDL_SIZE_MAX + 1; n++) {
                p = stpcpy(text, "interface a.b\n#");
                memset(p, 'x', n);
                text[n] = '\0';
                ck_assert_int_eq(parse(text), n <= VARLINK_IDL_SIZE_MAX ? 0 : -EINVAL);
        }
}
END_TEST

START_TEST(test_names) {
        static const struct {
                const char *s;
                bool interface, symbol, field;
        } table[] = {
                { "", false, false, false },    { "a", false, false, true },      { "A", false, true, true },
                { "a.b", true, false, false },  { "A.1", true, false, false },    { "a.b.c-d", true, false, false },
                { "a.b--c", false, false, false }, { "Ab9", false, true, true },  { "A_b", false, false, true },
                { "a_b_c", false, false, true }, { "a_", false, false, false },   { "_a", false, false, false },
                { "a__b", false, false, false }, { "9", false, false, false },    { "\xc3\xa4", false, false, false },
                { "a b", false, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                size_t n = strlen(table[i].s);

                ck_assert_msg(
                                varlink_interface_name_is_valid(table[i].s, n) == table[i].interface,
                                "%s",
                                table[i].s);
                ck_assert_msg(
                                varlink_symbol_name_is_valid(table[i].s, n) == table[i].symbol,
                                "%s",
                                table[i].s);
                ck_assert_msg(
                                varlink_field_name_is_valid(table[i].s, n) == table[i].field,
                                "%s",
                                table[i].s);
        }
}
END_TEST

static const char idl_text[] =
        "interface org.example.test\n"
        "type Limits (memoryBytes: ?int, name: ?string, ratio: ?float)\n"
        "type Bind (path: string, writable: ?bool)\n"
        "type Color (red, green)\n"
        "type Tree (value: int, children: ?[]Tree)\n"
        "method Test(\n"
        "        id: int,\n"
        "        limits: ?Limits,\n"
        "        binds: ?[]Bind,\n"
        "        numbers: ?[]int,\n"
        "        sizes: ?[string]int,\n"
        "        places: ?[string]Bind,\n"
        "        color: ?Color,\n"
        "        shade: ?(light, dark),\n"
        "        colors: ?[]Color,\n"
        "        tree: ?Tree,\n"
        "        inner: ?(deep: (deeper: string)),\n"
        "        anything: ?object,\n"
        "        flag: ?bool\n"
        ") -> (id: int, name: ?string)\n"
        "method Empty() -> ()\n"
        "error Failed(code: int)\n";

static VarlinkIdl *idl;

static void setup(void) {
        ck_assert_int_eq(varlink_idl_parse(idl_text, NULL, &idl), 0);
}

static void teardown(void) {
        idl = varlink_idl_free(idl);
}

static json_object *json(const char *text) {
        static const JsonBounds bounds = { .depth = 32, .n_values = JSON_CHECK_VALUES_MAX };
        json_object *o = NULL;

        ck_assert_msg(json_parse_checked(text, strlen(text), &bounds, NULL, &o) == 0, "%s", text);
        return o;
}

/* field: NULL if it fits. result: what it is then, NULL for no change. */
static void check_input(const char *text, const char *field, const char *result) {
        _cleanup_free_ char *f = NULL;
        json_object *o = json(text);
        int r;

        r = varlink_idl_check_parameters(varlink_idl_find_method(idl, "Test"), o, &f);
        ck_assert_msg(r == (field ? -EINVAL : 0), "%s: %i %s", text, r, strna(f));
        ck_assert_msg(streq_ptr(f, field), "%s: %s instead of %s", text, strna(f), strna(field));
        if (r == 0)
                ck_assert_str_eq(
                                json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                                result ?: text);
        json_object_put(o);

        /* One who does not want to know the field. */
        o = json(text);
        ck_assert_int_eq(varlink_idl_check_parameters(varlink_idl_find_method(idl, "Test"), o, NULL), r);
        json_object_put(o);
}

START_TEST(test_find) {
        ck_assert_str_eq(varlink_idl_get_name(idl), "org.example.test");
        ck_assert_str_eq(varlink_idl_get_text(idl), idl_text);
        ck_assert_uint_eq(varlink_idl_get_n_symbols(idl), 7);
        ck_assert_ptr_nonnull(varlink_idl_find_method(idl, "Test"));
        ck_assert_ptr_nonnull(varlink_idl_find_method(idl, "Empty"));
        ck_assert_ptr_nonnull(varlink_idl_find_error(idl, "Failed"));
        ck_assert_ptr_null(varlink_idl_find_method(idl, "Failed"));
        ck_assert_ptr_null(varlink_idl_find_method(idl, "Limits"));
        ck_assert_ptr_null(varlink_idl_find_method(idl, "test"));
        ck_assert_ptr_null(varlink_idl_find_method(idl, ""));
        ck_assert_ptr_null(varlink_idl_find_error(idl, "Test"));
        ck_assert_uint_lt(varlink_symbol_get_index(idl, varlink_idl_find_method(idl, "Test")), 7);
}
END_TEST

START_TEST(test_fields) {
        check_input("{\"id\":1}", NULL, NULL);
        check_input("{}", "id", NULL);
        check_input("{\"id\":null}", "id", NULL);
        check_input("{\"id\":true}", "id", NULL);
        check_input("{\"id\":[1]}", "id", NULL);
        check_input("{\"id\":1.0}", "id", NULL);
        check_input("{\"id\":1,\"nope\":1}", "nope", NULL);
        check_input("{\"id\":1,\"nope\":null}", "nope", NULL);
        check_input("{\"id\":1,\"Flag\":true}", "Flag", NULL);
        check_input("{\"id\":1,\"\":true}", "", NULL);
        check_input("{\"id\":1,\"flag\":true}", NULL, NULL);
        check_input("{\"id\":1,\"flag\":\"true\"}", "flag", NULL);
        check_input("{\"id\":1,\"flag\":1}", "flag", NULL);
        check_input("{\"id\":1,\"anything\":{\"x\":[null]}}", NULL, NULL);
        check_input("{\"id\":1,\"anything\":[]}", "anything", NULL);
        check_input("{\"id\":1,\"anything\":\"x\"}", "anything", NULL);

        check_input("{\"id\":1,\"limits\":{}}", NULL, NULL);
        check_input("{\"id\":1,\"limits\":[]}", "limits", NULL);
        check_input("{\"id\":1,\"limits\":{\"memoryBytes\":5,\"name\":\"x\",\"ratio\":1.5}}", NULL, NULL);
        check_input("{\"id\":1,\"limits\":{\"ratio\":2}}", NULL, NULL);
        check_input("{\"id\":1,\"limits\":{\"ratio\":\"2\"}}", "limits.ratio", NULL);
        check_input("{\"id\":1,\"limits\":{\"memoryBytes\":\"5M\"}}", "limits.memoryBytes", NULL);
        check_input("{\"id\":1,\"limits\":{\"memory\":5}}", "limits.memory", NULL);
        check_input("{\"id\":1,\"limits\":{\"name\":5}}", "limits.name", NULL);

        check_input("{\"id\":1,\"binds\":[]}", NULL, NULL);
        check_input("{\"id\":1,\"binds\":{}}", "binds", NULL);
        check_input(
                        "{\"id\":1,\"binds\":[{\"path\":\"/a\"},{\"path\":\"/b\",\"writable\":false}]}",
                        NULL,
                        NULL);
        check_input(
                        "{\"id\":1,\"binds\":[{\"path\":\"/a\"},{\"path\":\"/b\"},{\"path\":1}]}",
                        "binds[2].path",
                        NULL);
        check_input("{\"id\":1,\"binds\":[{\"path\":\"/a\"},{}]}", "binds[1].path", NULL);
        check_input("{\"id\":1,\"binds\":[{\"path\":\"/a\"},null]}", "binds[1]", NULL);
        check_input("{\"id\":1,\"binds\":[\"/a\"]}", "binds[0]", NULL);
        check_input("{\"id\":1,\"binds\":[{\"path\":\"/a\",\"rw\":true}]}", "binds[0].rw", NULL);

        check_input("{\"id\":1,\"numbers\":[1,2,3]}", NULL, NULL);
        check_input("{\"id\":1,\"numbers\":[1,null]}", "numbers[1]", NULL);
        check_input("{\"id\":1,\"numbers\":[1,[2]]}", "numbers[1]", NULL);
        check_input("{\"id\":1,\"numbers\":1}", "numbers", NULL);

        check_input("{\"id\":1,\"sizes\":{\"a b\":1,\"\":2}}", NULL, NULL);
        check_input("{\"id\":1,\"sizes\":{\"a b\":1,\"c\":{}}}", "sizes.c", NULL);
        check_input("{\"id\":1,\"sizes\":[1]}", "sizes", NULL);
        check_input("{\"id\":1,\"places\":{\"x\":{\"path\":\"y\"}}}", NULL, NULL);
        check_input("{\"id\":1,\"places\":{\"x\":{\"path\":\"y\",\"z\":1}}}", "places.x.z", NULL);

        check_input(
                        "{\"id\":1,\"color\":\"red\",\"shade\":\"dark\",\"colors\":[\"green\",\"red\"]}",
                        NULL,
                        NULL);
        check_input("{\"id\":1,\"color\":\"blue\"}", "color", NULL);
        check_input("{\"id\":1,\"color\":\"Red\"}", "color", NULL);
        check_input("{\"id\":1,\"color\":0}", "color", NULL);
        check_input("{\"id\":1,\"shade\":\"red\"}", "shade", NULL);
        check_input("{\"id\":1,\"colors\":[\"green\",\"grey\"]}", "colors[1]", NULL);

        check_input(
                        "{\"id\":1,\"tree\":{\"value\":1,\"children\":[{\"value\":2},{\"value\":3,"
                        "\"children\":[]}]}}",
                        NULL,
                        NULL);
        check_input(
                        "{\"id\":1,\"tree\":{\"value\":1,\"children\":[{\"value\":2,\"children\":[{}]}]}}",
                        "tree.children[0].children[0].value",
                        NULL);
        check_input("{\"id\":1,\"inner\":{\"deep\":{\"deeper\":\"x\"}}}", NULL, NULL);
        check_input("{\"id\":1,\"inner\":{\"deep\":{}}}", "inner.deep.deeper", NULL);
}
END_TEST

START_TEST(test_integers) {
        check_input("{\"id\":9223372036854775807}", NULL, NULL);
        check_input("{\"id\":-9223372036854775808}", NULL, NULL);
        check_input("{\"id\":9223372036854775808}", "id", NULL);
        check_input("{\"id\":18446744073709551615}", "id", NULL);
        check_input("{\"id\":\"9223372036854775807\"}", NULL, "{\"id\":9223372036854775807}");
        check_input("{\"id\":\"-9223372036854775808\"}", NULL, "{\"id\":-9223372036854775808}");
        check_input("{\"id\":\"9223372036854775808\"}", "id", NULL);
        check_input("{\"id\":\"-9223372036854775809\"}", "id", NULL);
        check_input("{\"id\":\"0\"}", NULL, "{\"id\":0}");
        check_input("{\"id\":\"\"}", "id", NULL);
        check_input("{\"id\":\"-\"}", "id", NULL);
        check_input("{\"id\":\"-0\"}", "id", NULL);
        check_input("{\"id\":\"+1\"}", "id", NULL);
        check_input("{\"id\":\"01\"}", "id", NULL);
        check_input("{\"id\":\" 1\"}", "id", NULL);
        check_input("{\"id\":\"1 \"}", "id", NULL);
        check_input("{\"id\":\"12x\"}", "id", NULL);
        check_input("{\"id\":\"1.0\"}", "id", NULL);
        check_input("{\"id\":\"0x10\"}", "id", NULL);
        check_input("{\"numbers\":[1,\"2\",\"-3\"],\"id\":1}", NULL, "{\"numbers\":[1,2,-3],\"id\":1}");
        check_input(
                        "{\"sizes\":{\"a\":\"5\",\"b\":6},\"id\":\"1\"}",
                        NULL,
                        "{\"sizes\":{\"a\":5,\"b\":6},\"id\":1}");
        check_input(
                        "{\"id\":1,\"limits\":{\"memoryBytes\":\"5\"}}",
                        NULL,
                        "{\"id\":1,\"limits\":{\"memoryBytes\":5}}");
}
END_TEST

START_TEST(test_null) {
        check_input(
                        "{\"flag\":null,\"id\":1,\"binds\":null,\"sizes\":null,\"color\":null}",
                        NULL,
                        "{\"id\":1}");
        check_input(
                        "{\"id\":1,\"limits\":{\"name\":null,\"memoryBytes\":1}}",
                        NULL,
                        "{\"id\":1,\"limits\":{\"memoryBytes\":1}}");
        check_input("{\"id\":1,\"inner\":{\"deep\":null}}", "inner.deep", NULL);
}
END_TEST

/* A peer's own words are not repeated without end, nor cut within a character. */
START_TEST(test_long_names) {
        _cleanup_free_ char *f = NULL;
        char text[600], *p;
        json_object *o;

        p = stpcpy(text, "{\"id\":1,\"limits\":{\"a");
        for (size_t i = 0; i < 100; i++)
                p = stpcpy(p, "\xe2\x82\xac");
        strcpy(p, "\":1}}");

        o = json(text);
        ck_assert_int_eq(varlink_idl_check_parameters(varlink_idl_find_method(idl, "Test"), o, &f), -EINVAL);
        ck_assert_uint_eq(strlen(f), strlen("limits.a") + 21 * 3);
        ck_assert_ptr_nonnull(startswith(f, "limits.a\xe2\x82\xac"));
        json_object_put(o);
}
END_TEST

START_TEST(test_reply) {
        const VarlinkSymbol *method = varlink_idl_find_method(idl, "Test");
        static const struct {
                const char *text, *field;
        } table[] = {
                { "{\"id\":1}", NULL },
                { "{\"id\":1,\"name\":null}", NULL },
                { "{\"id\":1,\"name\":\"x\"}", NULL },
                { "{\"id\":\"1\"}", "id" },
                { "{\"name\":\"x\"}", "id" },
                { "{\"id\":1,\"flag\":true}", "flag" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *f = NULL;
                json_object *o = json(table[i].text);

                ck_assert_int_eq(varlink_idl_check_reply(method, o, &f), table[i].field ? -EINVAL : 0);
                ck_assert(streq_ptr(f, table[i].field));
                ck_assert_str_eq(
                                json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                                table[i].text);
                json_object_put(o);
        }
}
END_TEST

START_TEST(test_error) {
        const VarlinkSymbol *error = varlink_idl_find_error(idl, "Failed");
        _cleanup_free_ char *f = NULL;
        json_object *o;

        o = json("{\"code\":1}");
        ck_assert_int_eq(varlink_idl_check_error(error, o, &f), 0);
        ck_assert_ptr_null(f);
        json_object_put(o);

        o = json("{}");
        ck_assert_int_eq(varlink_idl_check_error(error, o, &f), -EINVAL);
        ck_assert_str_eq(f, "code");
        json_object_put(o);
}
END_TEST

/* Texts that were damaged at random are refused or taken, and nothing else. */
START_TEST(test_damaged) {
        static const char bytes[] = "()[]?:,#->\n aAzZ09_-.";
        uint32_t random = 4711;
        size_t n_good = 0;

        for (size_t i = 0; i < 20000; i++) {
                _cleanup_free_ char *text = strdup(idl_text);
                int r;

                for (unsigned k = 0; k < 1 + i % 2; k++) {
                        random = random * 1664525U + 1013904223U;
                        text[(random >> 8) % strlen(text)] = bytes[(random >> 20) % (sizeof(bytes) - 1)];
                }

                r = parse(text);
                ck_assert(r == 0 || r == -EINVAL);
                n_good += r == 0;
        }

        ck_assert_uint_gt(n_good, 100);
}
END_TEST

/* The interfaces that we serve are what our own parser takes, which is stricter than systemd's. */
START_TEST(test_own_interfaces) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *manager = NULL, *service = NULL;

        ck_assert_int_eq(varlink_idl_parse(varlink_interface_org_judgebox_Manager, NULL, &manager), 0);
        ck_assert_str_eq(varlink_idl_get_name(manager), "org.judgebox.Manager");
        ck_assert_ptr_nonnull(varlink_idl_find_method(manager, "Run"));

        ck_assert_int_eq(varlink_idl_parse(varlink_interface_org_varlink_service, NULL, &service), 0);
        ck_assert_str_eq(varlink_idl_get_name(service), "org.varlink.service");
}
END_TEST

/* What is served is what is installed, byte for byte. */
START_TEST(test_embedded) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        const char *root = getenv("JUDGEBOX_SOURCE_ROOT");

        ck_assert_msg(root, "JUDGEBOX_SOURCE_ROOT is not set: run this by meson test");
        path = strprintf("%s/src/varlink/org.judgebox.Manager.varlink", root);
        ck_assert_int_eq(read_full_file_at(AT_FDCWD, path, VARLINK_IDL_SIZE_MAX, &text, NULL), 0);
        ck_assert_str_eq(text, varlink_interface_org_judgebox_Manager);
}
END_TEST

int main(void) {
        Suite *s = suite_create("varlink-idl");
        TCase *grammar = tcase_create("grammar"), *objects = tcase_create("objects");

        tcase_set_timeout(grammar, 60);
        tcase_add_test(grammar, test_grammar_good);
        tcase_add_test(grammar, test_grammar_bad);
        tcase_add_test(grammar, test_error_line);
        tcase_add_test(grammar, test_bounds);
        tcase_add_test(grammar, test_names);
        tcase_add_test(grammar, test_damaged);
        tcase_add_test(grammar, test_own_interfaces);
        tcase_add_test(grammar, test_embedded);
        suite_add_tcase(s, grammar);

        tcase_add_checked_fixture(objects, setup, teardown);
        tcase_add_test(objects, test_find);
        tcase_add_test(objects, test_fields);
        tcase_add_test(objects, test_integers);
        tcase_add_test(objects, test_null);
        tcase_add_test(objects, test_long_names);
        tcase_add_test(objects, test_reply);
        tcase_add_test(objects, test_error);
        suite_add_tcase(s, objects);

        return test_run_suite(s);
}
