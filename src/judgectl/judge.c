/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "copy.h"
#include "environment.h"
#include "judge.h"
#include "log.h"
#include "result.h"
#include "string-util.h"
#include "text-util.h"

#define COMPILE_OUTPUT_SHOWN ((size_t) 64 << 10)

/* Later ones stand in for earlier ones. */
static int add_limits(Judge *j, json_object *limits) {
        if (!limits)
                return 0;

        json_object_object_foreach(limits, key, value)
                if (json_add(j->limits, key, json_object_get(value)) < 0)
                        return log_oom();

        return 0;
}

int judge_init(Judge *j, Connection *connection, const Recipe *recipe, const TestSet *tests, json_object *limits) {
        int r;

        assert(j);

        *j = (Judge) {
                .connection = connection,
                .recipe = recipe,
                .tests = tests,
                .results = new0(TestResult, tests->n_cases),
                .limits = json_object_new_object(),
        };
        if (!j->results || !j->limits)
                return log_oom();

        r = add_limits(j, recipe->run.limits);
        return r < 0 ? r : add_limits(j, limits);
}

static int judge_run(Judge *j, Request *q, VarlinkReply *ret) {
        VarlinkReply reply = VARLINK_REPLY_NULL;
        int r;

        r = connection_run(j->connection, q, NULL, 0, &reply);
        if (r < 0)
                return r;

        if (reply.error) {
                r = connection_log_error(&reply);
                varlink_reply_done(&reply);
                return r;
        }

        *ret = reply;
        return 0;
}

static int call_box(Judge *j, const char *method) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;

        if (request_init_box(&q, j->box, /* owner= */ NULL) < 0)
                return log_oom();

        return connection_call(j->connection, method, &q, &reply);
}

void judge_done(Judge *j) {
        assert(j);

        /* A connection that was interrupted in mid-call is of no use any more, and the box goes with it. */
        if (j->box && !connection_interrupted(j->connection))
                (void) call_box(j, "org.judgebox.Manager.DestroyBox");

        for (size_t i = 0; j->results && i < j->tests->n_cases; i++)
                json_putp(&j->results[i].result);
        free(j->results);
        close_many(j->keep_fds, j->n_keep);
        json_putp(&j->limits);
        json_putp(&j->compile_result);
        free(j->compile_output);
        free(j->box);
        *j = (Judge) {};
}

int judge_create_box(Judge *j, Request *q) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        char *id;
        uint32_t n;
        int r;

        if (getrandom(&n, sizeof(n), 0) != sizeof(n))
                return log_error_errno(EIO, "Failed to get a random number.");

        /* The name is ours to choose, so that it is known even if the answer is lost. */
        id = strprintf("judge-%08" PRIx32, n);
        if (!id)
                return log_oom();

        r = json_add_string(q->parameters, "box", id);
        if (r >= 0)
                r = json_add_boolean(q->parameters, "untilDisconnect", true);
        if (r >= 0)
                r = connection_call(j->connection, "org.judgebox.Manager.CreateBox", q, &reply);
        else
                r = log_oom();
        if (r < 0) {
                free(id);
                return r;
        }

        j->box = id;
        return 0;
}

static void show_progress(const Judge *j, const char *format, ...) _printf_(2, 3);
static void show_progress(const Judge *j, const char *format, ...) {
        va_list ap;

        if (!j->progress)
                return;

        /* The cursor goes back to the beginning, so that whatever comes next replaces it. */
        va_start(ap, format);
        (void) vfprintf(stderr, format, ap);
        va_end(ap);
        (void) fputs("\x1b[K\r", stderr);
}

/* The part that compiling and running have in common. */
static int make_request(
                const Judge *j,
                const RecipeStep *step,
                const char *profile,
                json_object *limits,
                Request *q) {

        _cleanup_strv_free_ char **environment = NULL;

        if (request_init_box(q, j->box, /* owner= */ NULL) < 0 ||
            json_add_strv(q->parameters, "arguments", step->command, NULL) < 0)
                return log_oom();

        if (step->environment) {
                if (environment_add_defaults(&environment) < 0)
                        return log_oom();
                STRV_FOREACH(e, step->environment)
                        if (environment_set(&environment, *e) < 0)
                                return log_oom();
                if (json_add_strv(q->parameters, "environment", environment, NULL) < 0)
                        return log_oom();
        }

        if (limits && json_object_object_length(limits) > 0 &&
            json_add(q->parameters, "limits", json_object_get(limits)) < 0)
                return log_oom();
        if (profile && json_add_string(q->parameters, "profile", profile) < 0)
                return log_oom();

        return 0;
}

static int add_in_file(Request *q, json_object *array, int fd, const char *path, bool executable) {
        json_object *element = json_object_new_object();
        int copy;

        if (json_append(array, element) < 0)
                return log_oom();

        /* A description of its own: whoever reads it starts at the beginning. */
        copy = open(FD_PATH(fd), O_RDONLY | O_CLOEXEC);
        if (copy < 0)
                return log_error_errno(errno, "Failed to reopen a file: %m");

        if (request_set_fd(q, element, "fileDescriptor", copy) < 0 ||
            json_add_string(element, "path", path) < 0 ||
            (executable && json_add_boolean(element, "executable", true) < 0))
                return log_oom();

        return 0;
}

static int add_capture(Request *q, const char *stream) {
        json_object *o = json_object_new_object();

        if (json_add(q->parameters, stream, o) < 0 || json_add_boolean(o, "capture", true) < 0)
                return log_oom();

        return 0;
}

/* A copy that neither the box nor whoever owns the file can change any more. */
static int keep_file(Judge *j, int fd) {
        _cleanup_close_ int copy = -EBADF;
        struct stat st;
        int r;

        assert(j->n_keep < JUDGE_KEEP_MAX);

        if (fstat(fd, &st) < 0)
                return -errno;

        copy = memfd_create("judge", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (copy < 0)
                return -errno;

        r = copy_file(fd, copy, NULL, NULL);
        if (r < 0)
                return r;

        if (fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;

        j->keep_executable[j->n_keep] = st.st_mode & 0111;
        j->keep_fds[j->n_keep++] = TAKE_FD(copy);
        return 0;
}

static int read_compile_output(Judge *j, VarlinkReply *reply) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        uint64_t index;
        ssize_t n;

        if (!json_get_uint64(reply->parameters, "stdoutFileDescriptor", &index))
                return 0;

        fd = varlink_reply_take_fd(reply, (int64_t) index);
        if (fd < 0)
                return log_error_errno(fd, "The service did not send the compiler's output.");

        text = new(char, COMPILE_OUTPUT_SHOWN);
        if (!text)
                return log_oom();

        n = pread(fd, text, COMPILE_OUTPUT_SHOWN, 0);
        if (n < 0)
                return log_error_errno(errno, "Failed to read the compiler's output: %m");

        /* Written by whoever wrote the submission: #error and the like can say anything. */
        j->compile_output = text_escape(text, (size_t) n, /* keep_lines= */ true);
        return j->compile_output ? 0 : log_oom();
}

/* What compiling made; 0 where something is missing. */
static int take_artefacts(Judge *j, VarlinkReply *reply) {
        json_object *l = json_get_array(reply->parameters, "outFileDescriptors");
        int r;

        for (size_t i = 0; j->recipe->keep[i]; i++) {
                _cleanup_close_ int fd = -EBADF;
                uint64_t index;

                if (!l || !json_get_uint64(json_object_array_get_idx(l, i), "fileDescriptor", &index)) {
                        log_error("Compiling made no file \"%s\".", j->recipe->keep[i]);
                        return 0;
                }

                fd = varlink_reply_take_fd(reply, (int64_t) index);
                if (fd < 0)
                        return log_error_errno(fd, "The service did not send \"%s\".", j->recipe->keep[i]);

                r = keep_file(j, fd);
                if (r < 0)
                        return log_error_errno(r, "Failed to keep \"%s\": %m", j->recipe->keep[i]);
        }

        return 1;
}

int judge_compile(Judge *j, int source_fd) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        json_object *files, *result;
        int r;

        assert(j);

        if (!j->recipe->compile.command) {
                r = keep_file(j, source_fd);
                return r < 0 ? log_error_errno(r, "Failed to read the submission: %m") : 1;
        }

        show_progress(j, "Compiling ...");

        r = make_request(j, &j->recipe->compile, j->recipe->compile.profile, j->recipe->compile.limits, &q);
        if (r < 0)
                return r;

        files = json_object_new_array();
        if (json_add(q.parameters, "inFiles", files) < 0 ||
            json_add_strv(q.parameters, "outFiles", j->recipe->keep, NULL) < 0 ||
            json_add_boolean(q.parameters, "stderrToStdout", true) < 0)
                return log_oom();

        r = add_in_file(&q, files, source_fd, j->recipe->source, /* executable= */ false);
        if (r < 0)
                return r;

        r = add_capture(&q, "stdout");
        if (r < 0)
                return r;

        r = judge_run(j, &q, &reply);
        if (r < 0)
                return r;

        result = json_get_object(reply.parameters, "result");
        if (!result)
                return log_error_errno(EBADMSG, "The reply of judgeboxd has no result.");
        j->compile_result = json_object_get(result);

        r = read_compile_output(j, &reply);
        if (r < 0)
                return r;

        if (result_exit_status(result) != STATUS_OK)
                return 0;

        return take_artefacts(j, &reply);
}

/* The run went well: is its output right? */
static int judge_output(Judge *j, TestResult *t, int answer_fd, VarlinkReply *reply) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t index = UINT64_MAX;
        int r;

        (void) json_get_uint64(reply->parameters, "stdoutFileDescriptor", &index);
        fd = varlink_reply_take_fd(reply, (int64_t) index);
        if (fd < 0)
                return log_error_errno(fd, "The service did not send the program's output.");

        r = compare_tokens(answer_fd, fd, &t->difference);
        if (r < 0)
                return log_error_errno(r, "Failed to compare the output with the answer: %m");
        if (r == 0) {
                t->different = true;
                t->verdict = "wrong-answer";
        }

        return 0;
}

static int run_test(Judge *j, size_t i) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_close_ int input_fd = -EBADF, answer_fd = -EBADF;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        TestResult *t = j->results + i;
        json_object *files, *input;
        int r;

        r = test_set_open(j->tests, i, &input_fd, &answer_fd);
        if (r < 0)
                return r;

        r = call_box(j, "org.judgebox.Manager.ResetBox");
        if (r < 0)
                return r;

        r = make_request(j, &j->recipe->run, j->profile ?: j->recipe->run.profile, j->limits, &q);
        if (r < 0)
                return r;
        if (j->allowed_paths && json_add(q.parameters, "allowedPaths", json_object_get(j->allowed_paths)) < 0)
                return log_oom();

        files = json_object_new_array();
        input = json_object_new_object();
        if (json_add(q.parameters, "inFiles", files) < 0 || json_add(q.parameters, "stdin", input) < 0)
                return log_oom();

        for (size_t k = 0; k < j->n_keep; k++) {
                r = add_in_file(&q, files, j->keep_fds[k], j->recipe->keep[k], j->keep_executable[k]);
                if (r < 0)
                        return r;
        }

        if (request_set_fd(&q, input, "fileDescriptor", TAKE_FD(input_fd)) < 0)
                return log_oom();

        r = add_capture(&q, "stdout");
        if (r < 0)
                return r;

        r = judge_run(j, &q, &reply);
        if (r < 0)
                return r;

        t->result = json_object_get(json_get_object(reply.parameters, "result"));
        if (!t->result)
                return log_error_errno(EBADMSG, "The reply of judgeboxd has no result.");

        t->verdict = result_verdict(t->result);
        return streq(t->verdict, "ok") ? judge_output(j, t, answer_fd, &reply) : 0;
}

int judge_run_tests(Judge *j) {
        int r = 0;

        assert(j);

        for (size_t i = 0; i < j->tests->n_cases && r >= 0; i++) {
                const char *name = j->tests->cases[i].name;
                _cleanup_free_ char *printable = text_escape(name, strlen(name), /* keep_lines= */ false);

                show_progress(j, "Test %zu of %zu: %s ...", i + 1, j->tests->n_cases, strna(printable));
                r = run_test(j, i);
        }

        show_progress(j, "%s", "");
        return r;
}

const char *judge_verdict(const Judge *j) {
        if (j->compile_result && !j->results[0].verdict)
                return "compile-error";

        for (size_t i = 0; i < j->tests->n_cases; i++)
                if (!streq(strempty(j->results[i].verdict), "ok"))
                        return j->results[i].verdict;

        return "ok";
}

size_t judge_count_passed(const Judge *j) {
        size_t n = 0;

        for (size_t i = 0; i < j->tests->n_cases; i++)
                n += streq(strempty(j->results[i].verdict), "ok");

        return n;
}

int judge_exit_status(const Judge *j) {
        if (j->compile_result && result_exit_status(j->compile_result) == STATUS_TROUBLE)
                return STATUS_TROUBLE;

        for (size_t i = 0; i < j->tests->n_cases; i++)
                if (j->results[i].result && result_exit_status(j->results[i].result) == STATUS_TROUBLE)
                        return STATUS_TROUBLE;

        return judge_count_passed(j) == j->tests->n_cases ? STATUS_OK : STATUS_NO;
}
