/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "capture.h"
#include "fd-util.h"
#include "recipe.h"
#include "string-util.h"
#include "test-util.h"

#define GOOD_STEPS "\"compile\":{\"command\":[\"cc\"]},\"keep\":[\"x\"],\"run\":{\"command\":[\"./x\"]}"
#define GOOD "{\"name\":\"X\",\"extensions\":[\".x\"],\"source\":\"main.x\"," GOOD_STEPS "}"

START_TEST(test_shipped) {
        static const char *const ids[] = { "c", "cpp", "python3" };
        const char *root = getenv("JUDGEBOX_SOURCE_ROOT");

        ck_assert_ptr_nonnull(root);

        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                _cleanup_(recipe_freep) Recipe *r = NULL;
                _cleanup_free_ char *path = NULL, *text = NULL, *error = NULL;
                size_t size;

                path = strprintf("%s/languages/%s.json", root, ids[i]);
                ck_assert_int_eq(read_full_file_at(AT_FDCWD, path, 1 << 16, &text, &size), 0);
                ck_assert_msg(recipe_parse(ids[i], text, size, &r, &error) == 0, "%s: %s", ids[i], error);
                ck_assert_ptr_nonnull(r->compile.command);
                ck_assert_ptr_nonnull(r->compile.limits);
                ck_assert_uint_ge(strv_length(r->keep), 1);
        }
}
END_TEST

START_TEST(test_good) {
        static const char text[] =
                "{\"name\":\"X\",\"extensions\":[\".x\",\".xx\"],\"source\":\"main.x\",\"compile\":{\"command\":[\"cc\",\"-o\"],"
                "\"environment\":[\"A=b\"],\"limits\":{\"time\":\"1.5\",\"memory\":\"1M\",\"processes\":7,\"cpu-set\":\"0\"}},"
                "\"keep\":[\"x\"],\"run\":{\"command\":[\"./x\"]}}";
        static const char interpreted[] =
                "{\"name\":\"Y\",\"extensions\":[\".y\"],\"source\":\"main.y\",\"run\":{\"command\":[\"y\",\"main.y\"]}}";
        _cleanup_(recipe_freep) Recipe *r = NULL, *s = NULL;
        char *error = NULL;

        ck_assert_int_eq(recipe_parse("x", text, strlen(text), &r, &error), 0);
        ck_assert_str_eq(r->id, "x");
        ck_assert_str_eq(r->extensions[1], ".xx");
        ck_assert_str_eq(r->compile.environment[0], "A=b");
        ck_assert_str_eq(json_object_to_json_string_ext(r->compile.limits, JSON_C_TO_STRING_PLAIN),
                         "{\"cpuTimeUSec\":1500000,\"memoryBytes\":1048576,\"processes\":7,\"cpuSet\":\"0\"}");

        /* Nothing to compile: the source is what runs. */
        ck_assert_int_eq(recipe_parse("y", interpreted, strlen(interpreted), &s, &error), 0);
        ck_assert_ptr_null(s->compile.command);
        ck_assert_str_eq(s->keep[0], "main.y");
}
END_TEST

START_TEST(test_bad) {
        static const struct {
                const char *text, *named;
        } table[] = {
                { "", "JSON" },
                { "[]", "JSON" },
                { "null", "JSON" },
                { "{\"name\":\"X\",\"name\":\"Y\"}", "JSON" },
                { "{'name':'X'}", "JSON" },
                { "{\"name\":\"X\"}", "extensions" },
                { "{\"nam\":\"X\"}", "nam" },
                { "{\"name\":5}", "name" },
                { "{\"name\":null}", "name" },
                { "{\"name\":\"\"}", "name" },
                { "{\"extensions\":\".x\"}", "extensions" },
                { "{\"extensions\":[]}", "extensions" },
                { "{\"extensions\":[5]}", "extensions[0]" },
                { "{\"extensions\":[\"x\"],\"name\":\"X\",\"source\":\"m\"," GOOD_STEPS "}", "extensions" },
                { "{\"extensions\":[\".x\"],\"name\":\"X\",\"source\":\"../m\"," GOOD_STEPS "}", "source" },
                { "{\"extensions\":[\".x\"],\"name\":\"X\",\"source\":\"a/m\"," GOOD_STEPS "}", "source" },
                { "{\"extensions\":[\".x\"],\"name\":\"X\",\"source\":\"..\"," GOOD_STEPS "}", "source" },
                { "{\"run\":[]}", "run" },
                { "{\"run\":{}}", "run.command" },
                { "{\"run\":{\"command\":[\"x\"],\"time\":1}}", "run.time" },
                { "{\"run\":{\"command\":[\"x\"],\"environment\":[\"A\"]}}", "run.environment" },
                { "{\"run\":{\"command\":[\"x\"],\"environment\":[\"=A\"]}}", "run.environment" },
                { "{\"run\":{\"command\":[\"x\"],\"limits\":[]}}", "run.limits" },
                { "{\"run\":{\"command\":[\"x\"],\"limits\":{\"tim\":1}}}", "run.limits.tim" },
                { "{\"run\":{\"command\":[\"x\"],\"limits\":{\"time\":\"1x\"}}}", "run.limits.time" },
                { "{\"run\":{\"command\":[\"x\"],\"limits\":{\"time\":-1}}}", "run.limits.time" },
                { "{\"run\":{\"command\":[\"x\"],\"limits\":{\"time\":1.5}}}", "run.limits.time" },
                { "{\"run\":{\"command\":[\"x\"],\"limits\":{\"memory\":true}}}", "run.limits.memory" },
                { "{\"extensions\":[\".x\"],\"name\":\"X\",\"source\":\"m\",\"compile\":{\"command\":[\"cc\"]},"
                  "\"run\":{\"command\":[\"x\"]}}", "keep" },
                { "{\"extensions\":[\".x\"],\"name\":\"X\",\"source\":\"m\",\"keep\":[\"other\"],"
                  "\"run\":{\"command\":[\"x\"]}}", "other" },
                { "{\"extensions\":[\".x\"],\"name\":\"X\",\"source\":\"m\",\"compile\":{\"command\":[\"cc\"]},"
                  "\"keep\":[\"/x\"],\"run\":{\"command\":[\"x\"]}}", "keep" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *error = NULL;
                Recipe *r = NULL;

                ck_assert_msg(recipe_parse("x", table[i].text, strlen(table[i].text), &r, &error) == -EINVAL, "%s",
                              table[i].text);
                ck_assert_ptr_null(r);
                ck_assert_msg(error && strstr(error, table[i].named), "%s: %s", table[i].text, error);
        }
}
END_TEST

static char directory[32];

static void write_file(const char *name, const char *text) {
        _cleanup_free_ char *path = strprintf("%s/%s", directory, name);
        FILE *f = fopen(path, "w");

        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void setup(void) {
        _cleanup_free_ char *etc = NULL, *usr = NULL;

        (void) stpcpy(directory, "/tmp/test-recipe-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        etc = strprintf("%s/etc", directory);
        usr = strprintf("%s/usr", directory);
        ck_assert_int_eq(mkdir(etc, 0700), 0);
        ck_assert_int_eq(mkdir(usr, 0700), 0);
}

static void teardown(void) {
        ck_assert_int_eq(nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* r, what was found, and what was logged. */
static char *find(const char *language, const char *submission, int expected_r, const char *expected_name) {
        char *etc = strprintf("%s/etc", directory), *usr = strprintf("%s/usr", directory);
        _cleanup_strv_free_ char **directories = NULL;
        _cleanup_(recipe_freep) Recipe *recipe = NULL;
        Capture c;
        char *log;
        int r;

        ck_assert_int_eq(strv_consume(&directories, etc), 0);
        ck_assert_int_eq(strv_consume(&directories, usr), 0);

        c = capture_begin(stderr);
        r = recipe_find(directories, language, submission, &recipe);
        log = capture_end(&c);
        ck_assert_int_eq(r, expected_r);
        if (expected_name)
                ck_assert_str_eq(recipe->name, expected_name);
        return log;
}

START_TEST(test_find) {
        _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL, *e = NULL, *f = NULL, *g = NULL, *h = NULL;

        write_file("usr/x.json", GOOD);
        write_file("usr/broken.json", "{\"colour\":1}");
        write_file("usr/readme.txt", "not one");

        /* What is wrong with another language is said, and is no reason to stop. */
        a = find(NULL, "dir.y/a.x", 0, "X");
        ck_assert_ptr_nonnull(strstr(a, "broken.json"));
        ck_assert_ptr_nonnull(strstr(a, "colour"));

        b = find("broken", "a.x", -EINVAL, NULL);
        ck_assert_ptr_nonnull(strstr(b, "colour"));
        c = find("y", "a.x", -EINVAL, NULL);
        ck_assert_ptr_nonnull(strstr(c, "broken, x"));
        d = find(NULL, "a.y", -EINVAL, NULL);
        ck_assert_ptr_nonnull(strstr(d, ".y"));
        e = find(NULL, "dir.x/a", -EINVAL, NULL);
        ck_assert_ptr_nonnull(strstr(e, "--language="));

        /* The administrator's stands in for the vendor's. */
        write_file("etc/x.json",
                   "{\"name\":\"Mine\",\"extensions\":[\".x\"],\"source\":\"main.x\"," GOOD_STEPS "}");
        f = find(NULL, "a.x", 0, "Mine");

        write_file("etc/x2.json", GOOD);
        g = find(NULL, "a.x", -EINVAL, NULL);
        ck_assert_ptr_nonnull(strstr(g, "--language="));
        h = find("x2", "a.x", 0, "X");
}
END_TEST

START_TEST(test_masked) {
        _cleanup_free_ char *log = NULL, *path = strprintf("%s/etc/x.json", directory);

        write_file("usr/x.json", GOOD);
        ck_assert_int_eq(symlink("/dev/null", path), 0);
        log = find(NULL, "a.x", -EINVAL, NULL);
        ck_assert_ptr_nonnull(strstr(log, ".x"));
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_shipped, test_good, test_bad, test_find, test_masked };

        return test_run("recipe", tests, ELEMENTSOF(tests), setup, teardown);
}
