/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "judge.h"
#include "log.h"
#include "parse-util.h"
#include "result.h"
#include "string-util.h"
#include "text-util.h"

static char *sample_format(const TokenSample *s, const char *end) {
        _cleanup_free_ char *text = NULL;

        if (s->end)
                return strdup(end);

        text = text_escape(s->text, s->size, /* keep_lines= */ false);
        return text ? strprintf("\"%s\"%s", text, s->size == sizeof(s->text) ? "..." : "") : NULL;
}

char *difference_format(const Difference *d) {
        _cleanup_free_ char *expected = NULL, *actual = NULL;

        assert(d);

        expected = sample_format(&d->expected, "the end of the output");
        actual = sample_format(&d->actual, "the end of the output");
        if (!expected || !actual)
                return NULL;

        return strprintf("line %" PRIu64 ", column %" PRIu64 " (token %" PRIu64 "): expected %s, got %s", d->line,
                         d->column, d->token, expected, actual);
}

/* What went wrong, for the last column. */
static char *note_format(const TestResult *t) {
        const char *message;

        if (t->different)
                return difference_format(&t->difference);
        if (streq(t->verdict, "ok"))
                return strdup("");

        message = strempty(json_get_string(t->result, "message"));
        return text_escape(message, strlen(message), /* keep_lines= */ false);
}

/* "8 of 10 tests passed; 1 wrong-answer, 1 cpu-time-limit". */
static void print_summary(const Judge *j) {
        size_t n = j->tests->n_cases, passed = judge_count_passed(j);
        Color color = passed == n ? COLOR_GREEN : COLOR_RED;

        (void) printf("\n%s%zu of %zu test%s passed%s", color_on(stdout, color), passed, n, n == 1 ? "" : "s",
                      color_off(stdout));

        for (size_t i = 0, kinds = 0; i < n; i++) {
                const char *verdict = j->results[i].verdict;
                size_t count = 0;
                bool first = true;

                for (size_t k = 0; k < n; k++) {
                        bool same = streq(j->results[k].verdict, verdict);

                        first = first && (!same || k >= i);
                        count += same;
                }

                if (first && !streq(verdict, "ok"))
                        (void) printf("%s %zu %s", kinds++ > 0 ? "," : ";", count, verdict);
        }

        (void) puts(".");
}

static void print_degraded(const Judge *j) {
        json_object *l = json_get_array(j->results[0].result, "degraded");
        _cleanup_free_ char *list = NULL;

        if (!l || json_object_array_length(l) == 0)
                return;

        list = json_join_strings(l);
        (void) printf("%sNot enforced by a cgroup on this host: %s.%s\n", color_on(stdout, COLOR_YELLOW),
                      strna(list), color_off(stdout));
}

int judge_print(const Judge *j) {
        _cleanup_(table_freep) Table *t = NULL;

        assert(j);

        if (streq(judge_verdict(j), "compile-error")) {
                (void) fputs(strempty(j->compile_output), stdout);
                (void) printf("%scompile-error%s\n", color_on(stdout, COLOR_RED), color_off(stdout));
                result_print(stdout, j->compile_result);
                return 0;
        }

        t = table_new("TEST", "VERDICT", ">CPU", ">WALL", ">MEMORY", "NOTE", NULL);
        if (!t)
                return log_oom();

        for (size_t i = 0; i < j->tests->n_cases; i++) {
                const TestResult *k = j->results + i;
                const char *name = j->tests->cases[i].name;

                if (table_add(t, COLOR_NONE, text_escape(name, strlen(name), /* keep_lines= */ false)) < 0 ||
                    table_addf(t, verdict_color(k->verdict), "%s", k->verdict) < 0 ||
                    table_add(t, COLOR_NONE, result_format_usec(k->result, "cpuTimeUSec")) < 0 ||
                    table_add(t, COLOR_NONE, result_format_usec(k->result, "wallTimeUSec")) < 0 ||
                    table_add(t, COLOR_NONE, result_format_bytes(k->result, "memoryPeakBytes")) < 0 ||
                    table_add(t, COLOR_NONE, note_format(k)) < 0)
                        return log_oom();
        }

        table_print(t, stdout, /* header= */ true);
        print_summary(j);
        print_degraded(j);
        return 0;
}

static int sample_to_json(json_object *o, const char *key, const TokenSample *s) {
        _cleanup_free_ char *text = NULL;

        if (s->end)
                return json_object_object_add(o, key, NULL) < 0 ? -ENOMEM : 0;

        /* Escaped, because a token can be any bytes and JSON cannot hold them. */
        text = text_escape(s->text, s->size, /* keep_lines= */ false);
        return text ? json_add_string(o, key, text) : -ENOMEM;
}

static int test_to_json(const Judge *j, size_t i, json_object *array) {
        const TestResult *t = j->results + i;
        _cleanup_free_ char *name = NULL;
        json_object *o = json_object_new_object(), *d;

        name = text_escape(j->tests->cases[i].name, strlen(j->tests->cases[i].name), /* keep_lines= */ false);
        if (!name ||
            json_append(array, o) < 0 ||
            json_add_string(o, "name", name) < 0 ||
            json_add_string(o, "verdict", t->verdict) < 0 ||
            json_add(o, "result", json_object_get(t->result)) < 0)
                return -ENOMEM;

        if (!t->different)
                return 0;

        d = json_object_new_object();
        if (json_add(o, "difference", d) < 0 ||
            json_add_uint64(d, "token", t->difference.token) < 0 ||
            json_add_uint64(d, "line", t->difference.line) < 0 ||
            json_add_uint64(d, "column", t->difference.column) < 0 ||
            sample_to_json(d, "expected", &t->difference.expected) < 0 ||
            sample_to_json(d, "actual", &t->difference.actual) < 0)
                return -ENOMEM;

        return 0;
}

int judge_to_json(const Judge *j, const char *submission, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        _cleanup_free_ char *name = NULL;
        json_object *tests;

        assert(j);
        assert(ret);

        if (!o)
                return log_oom();

        name = text_escape(submission, strlen(submission), /* keep_lines= */ false);
        if (!name ||
            json_add_string(o, "submission", name) < 0 ||
            json_add_string(o, "language", j->recipe->id) < 0 ||
            json_add_string(o, "verdict", judge_verdict(j)) < 0)
                return log_oom();

        if (j->compile_result &&
            (json_add(o, "compileResult", json_object_get(j->compile_result)) < 0 ||
             json_add_string(o, "compileOutput", strempty(j->compile_output)) < 0))
                return log_oom();

        tests = json_object_new_array();
        if (json_add(o, "tests", tests) < 0)
                return log_oom();
        for (size_t i = 0; i < j->tests->n_cases && j->results[i].verdict; i++)
                if (test_to_json(j, i, tests) < 0)
                        return log_oom();

        if (json_add_uint64(o, "passed", judge_count_passed(j)) < 0 ||
            json_add_uint64(o, "total", j->tests->n_cases) < 0)
                return log_oom();

        *ret = TAKE_PTR(o);
        return 0;
}
