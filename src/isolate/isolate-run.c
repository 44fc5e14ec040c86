/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <stdio.h>

#include "isolate-fifo.h"
#include "isolate-meta.h"
#include "isolate-request.h"
#include "log.h"
#include "string-util.h"
#include "parse-util.h"

#define INHERITED_MAX 8U

typedef struct RunStreams {
        Relay *relays[3]; /* where there is a terminal they are its own */
        size_t n_relays;
        bool terminal;
        int fifo_fds[3]; /* of --stdin= and the like; -EBADF where that is no FIFO */
        usec_t waited_usec; /* for their other ends */
} RunStreams;

#define RUN_STREAMS_NULL (RunStreams) { .fifo_fds = { -EBADF, -EBADF, -EBADF } }

static void run_streams_done(RunStreams *s) {
        for (size_t i = 0; i < s->n_relays && !s->terminal; i++)
                s->relays[i] = relay_free(s->relays[i]);
        close_many(s->fifo_fds, ELEMENTSOF(s->fifo_fds));
}

/* The run is to have of its elapsed time what is left when all are there. */
static int open_fifos(Isolate *i, RunStreams *s) {
        usec_t *limit = &i->options.wall_time_usec, begin = now_usec(CLOCK_MONOTONIC),
               deadline = *limit > 0 ? usec_add(begin, *limit) : USEC_INFINITY;

        for (size_t k = 0; k < ELEMENTSOF(s->fifo_fds); k++) {
                int r;

                if (!i->options.stdio[k])
                        continue;

                r = isolate_fifo_open(i, i->options.stdio[k], k == STDIN_FILENO, deadline, s->fifo_fds + k);
                if (r < 0)
                        return r;
                if (r > 0)
                        s->waited_usec = now_usec(CLOCK_MONOTONIC) - begin;
        }

        if (s->waited_usec > 0 && *limit > 0)
                *limit = MAX(usec_sub(*limit, s->waited_usec), (usec_t) 1);
        return 0;
}

static int add_waited(json_object *result, const RunStreams *s) {
        uint64_t usec;

        if (s->waited_usec == 0 || !json_get_uint64(result, "wallTimeUSec", &usec))
                return 0;

        return json_add_uint64(result, "wallTimeUSec", usec + s->waited_usec);
}

/* Ours, or a file inside, which is opened there by the program's rights. */
static int add_stream(Isolate *i, RunStreams *s, Request *q, size_t which) {
        static const char *const fields[] = { "stdin", "stdout", "stderr" };
        bool input = which == STDIN_FILENO;
        json_object *o = json_object_new_object();
        int fd, r;

        if (json_add(q->parameters, fields[which], o) < 0)
                return log_oom();

        if (i->options.stdio[which] && s->fifo_fds[which] < 0)
                return json_add_path(o, i->options.stdio[which]) < 0 ? log_oom() : 0;

        if (s->fifo_fds[which] >= 0) {
                fd = TAKE_FD(s->fifo_fds[which]);
                r = 0;
        } else if (stream_can_pass((int) which, input)) {
                fd = fcntl((int) which, F_DUPFD_CLOEXEC, 3);
                r = fd < 0 ? -errno : 0;
        } else {
                r = relay_new((int) which, input, s->relays + s->n_relays, &fd);
                s->n_relays += r >= 0;
        }
        if (r < 0)
                return isolate_fail(i, "Cannot pass a stream on: %s", strerror(-r));

        r = request_set_fd(q, o, "fileDescriptor", fd);
        return r == -E2BIG ? isolate_fail(i, "Too many directory rules and open files") : r < 0 ? log_oom() : 0;
}

/* Only where all three streams would be: the terminal is the program's only if all are. */
static bool wants_terminal(const Isolate *i) {
        for (int fd = 0; i->options.tty_hack && fd <= STDERR_FILENO; fd++)
                if (i->options.stdio[fd] || !isatty(fd))
                        return false;

        return i->options.tty_hack;
}

/* One of its own, and not ours, into which it could type (TIOCSTI). */
static int add_terminal(Isolate *i, RunStreams *s, Request *q) {
        int fd, r;

        r = terminal_new(&i->terminal, &fd);
        if (r < 0)
                return isolate_fail(i, "Cannot make a terminal: %s", strerror(-r));

        r = request_set_fd(q, q->parameters, "terminalFileDescriptor", fd);
        if (r < 0)
                return r == -E2BIG ? isolate_fail(i, "Too many directory rules and open files") : log_oom();

        r = terminal_begin(i->terminal, s->relays);
        if (r < 0)
                return isolate_fail(i, "Cannot set up the terminal: %s", strerror(-r));

        s->terminal = true;
        s->n_relays = 2;
        return 0;
}

/* The program has ended, and what is to be said of it is said in our own terminal. */
static void finish_streams(Isolate *i, const RunStreams *s) {
        if (s->terminal) {
                terminal_finish(i->terminal);
                i->terminal = terminal_free(i->terminal);
                return;
        }

        for (size_t k = 0; k < s->n_relays; k++)
                relay_drain(s->relays[k]);
}

static int add_streams(Isolate *i, RunStreams *s, Request *q) {
        if (wants_terminal(i))
                return add_terminal(i, s, q);

        for (size_t k = 0; k < 3; k++) {
                int r;

                if (k == STDERR_FILENO && i->options.stderr_to_stdout)
                        r = json_add_boolean(q->parameters, "stderrToStdout", true) < 0 ? log_oom() : 0;
                else
                        r = add_stream(i, s, q, k);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* What was open when we were started: ours all close on exec. */
static int find_inherited(Isolate *i, int ret[static INHERITED_MAX], size_t *ret_n) {
        struct dirent *e;
        size_t n = 0;
        int r = 0;
        DIR *d;

        *ret_n = 0;
        if (!i->options.inherit_fds)
                return 0;

        d = opendir("/proc/self/fd");
        if (!d)
                return isolate_fail(i, "Cannot read /proc/self/fd: %s", strerror(errno));

        while (r >= 0 && (e = readdir(d))) {
                unsigned fd;

                if (parse_uint(e->d_name, &fd) < 0 || fd < 3 || (fcntl((int) fd, F_GETFD) & FD_CLOEXEC))
                        continue;
                if (n == INHERITED_MAX)
                        r = isolate_fail(i, "More than %u open files cannot be inherited", INHERITED_MAX);
                else
                        ret[n++] = (int) fd;
        }

        (void) closedir(d);
        *ret_n = n;
        return r;
}

static int write_meta(Isolate *i, const char *text) {
        int r;

        if (i->meta_fd < 0)
                return 0;

        r = fd_write_full(i->meta_fd, text, strlen(text));
        return r < 0 ? isolate_fail(i, "Cannot write %s: %s", i->options.meta, strerror(-r)) : 0;
}

/* In isolate's own words. That of the program it says on the program's standard error: there they would be found. */
static int tell_exec_failed(const Isolate *i, json_object *result) {
        static const char *const streams[] = { "stdin", "stdout", "stderr" };
        const char *step = strempty(json_get_string(result, "step")), *error;
        _cleanup_free_ char *message = NULL;

        if (!streq_ptr(json_get_string(result, "verdict"), "exec-failed"))
                return 0;

        error = strerror(errno_from_name(json_get_string(result, "error")));
        if (streq(step, "exec")) {
                (void) fprintf(stderr, "execve(\"%s\"): %s\n", i->options.arguments[0], error);
                return 0;
        }

        if (streq(step, "chdir"))
                message = strprintf("chdir: %s", error);
        for (size_t k = 0; k < ELEMENTSOF(streams) && !message; k++)
                if (streq(step, streams[k]) && i->options.stdio[k])
                        message = strprintf("open(\"%s\"): %s", i->options.stdio[k], error);
        return message ? json_add_string(result, "message", message) : 0;
}

static int report(Isolate *i, const IsolateVerdict *v) {
        int r;

        r = write_meta(i, v->meta);
        if (r < 0)
                return r;

        if (i->options.silent == 0 || v->exit_status == ISOLATE_EXIT_SANDBOX)
                (void) fprintf(stderr, "%s\n", v->sentence);
        return v->exit_status;
}

static int finish(Isolate *i, const RunStreams *s, VarlinkReply *reply) {
        _cleanup_(isolate_verdict_done) IsolateVerdict v = {};
        json_object *result;
        int r;

        if (reply->error)
                return isolate_fail_refused(i, reply);

        result = json_get_object(reply->parameters, "result");
        if (!result)
                return isolate_fail(i, "The reply of the service has no result");

        r = tell_exec_failed(i, result);
        if (r >= 0)
                r = add_waited(result, s);
        if (r >= 0)
                r = isolate_verdict_make(result, i->options.cg, &v);
        return r < 0 ? log_oom() : report(i, &v);
}

/* A judge would follow a link that the program left, or wait at a FIFO. */
static int clear_special_files(Isolate *i) {
        int r;

        if (i->options.special_files)
                return 0;

        r = special_files_remove(i->directory_fd, "box");
        return r < 0 ? isolate_fail(i, "Cannot remove special files: %s", strerror(-r)) : 0;
}

/* It is the signal that counts, even if the program had ended by itself just before. */
static int interrupted(Isolate *i, const RunStreams *streams) {
        _cleanup_(isolate_verdict_done) IsolateVerdict v = {};
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        json_object *result = NULL;
        int r;

        if (connection_cancel_run(i->connection, streams->relays, streams->n_relays, &reply) >= 0)
                result = json_get_object(reply.parameters, "result");
        else
                i->connection = connection_close(i->connection);
        finish_streams(i, streams);

        r = clear_special_files(i);
        if (r >= 0)
                r = add_waited(result, streams);
        if (r >= 0 && isolate_verdict_make_interrupted(result, i->options.cg, i->context.interrupt.signal, &v) < 0)
                r = log_oom();
        return r < 0 ? r : report(i, &v);
}

/* Nobody came to the other end of a FIFO. */
static int timed_out(Isolate *i, usec_t wall_usec) {
        _cleanup_(isolate_verdict_done) IsolateVerdict v = {};
        _cleanup_json_ json_object *result = json_object_new_object();

        if (!result || json_add_string(result, "verdict", "wall-time-limit") < 0 ||
            json_add_uint64(result, "cpuTimeUSec", 0) < 0 || json_add_uint64(result, "wallTimeUSec", wall_usec) < 0 ||
            isolate_verdict_make(result, i->options.cg, &v) < 0)
                return log_oom();

        return report(i, &v);
}

int isolate_run(Isolate *i) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(run_streams_done) RunStreams streams = RUN_STREAMS_NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        int inherited[INHERITED_MAX], r;
        size_t n_inherited;

        r = isolate_box_find(i);
        if (r == 0)
                return isolate_fail(i, "Box not found, did you run `%s --init'?",
                                    i->options.cg ? "isolate --cg" : "isolate");
        if (r < 0)
                return r;

        r = open_fifos(i, &streams);
        if (r == -EINTR)
                return interrupted(i, &streams);
        if (r == -ETIME)
                return timed_out(i, i->options.wall_time_usec);

        if (r >= 0)
                r = find_inherited(i, inherited, &n_inherited);
        if (r >= 0)
                r = isolate_request_make(i, inherited, n_inherited, &q);
        if (r >= 0)
                r = add_streams(i, &streams, &q);
        if (r < 0)
                return r;

        r = connection_run(i->connection, &q, streams.relays, streams.n_relays, &reply);
        if (r == -EINTR)
                return interrupted(i, &streams);
        if (r < 0)
                return isolate_fail(i, "The service does not answer");

        finish_streams(i, &streams);

        r = clear_special_files(i);
        return r < 0 ? r : finish(i, &streams, &reply);
}
