/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "message.h"

/* How a run's end is told: the result, and what was observed of its system calls, which has no fixed size. */

static int make_tail(const Observed *o, char **ret, size_t *ret_size) {
        const char *path = strempty(o ? o->path : NULL);
        size_t n_trace = o ? o->n_trace : 0, size = strlen(path) + 1;
        char *tail, *p;

        for (size_t i = 0; i < n_trace; i++)
                size += sizeof(MessageTraceEntry) + strlen(o->trace[i].path) + 1;

        tail = new(char, size);
        if (!tail)
                return -ENOMEM;

        p = stpcpy(tail, path) + 1;
        for (size_t i = 0; i < n_trace; i++) {
                const TraceEntry *t = o->trace + i;
                MessageTraceEntry e = {
                        .count = t->count,
                        .class = t->class,
                        .number = (uint32_t) t->number,
                        .path_size = (uint32_t) strlen(t->path) + 1,
                };

                p = mempcpy(p, &e, sizeof(e));
                p = mempcpy(p, t->path, e.path_size);
        }

        *ret = tail;
        *ret_size = size;
        return 0;
}

int message_send_finished(
                int socket_fd,
                uint32_t serial,
                uint64_t run,
                const RunResult *result,
                const Observed *observed,
                int stdout_fd,
                int stderr_fd) {

        _cleanup_free_ char *tail = NULL;
        MessageFinished m = { .run = run, .result = *result };
        size_t n = 0, tail_size;
        int fds[2], r;

        if (stdout_fd >= 0) {
                m.captured_mask |= 1;
                fds[n++] = stdout_fd;
        }
        if (stderr_fd >= 0) {
                m.captured_mask |= 2;
                fds[n++] = stderr_fd;
        }

        if (observed) {
                m.n_trace = (uint32_t) observed->n_trace;
                m.trace_dropped = observed->trace_dropped;
                m.traced = observed->traced;
        }

        r = make_tail(observed, &tail, &tail_size);
        if (r < 0)
                return r;

        return message_send(socket_fd, MESSAGE_FINISHED, serial, &m, sizeof(m), tail, tail_size, fds, n);
}

/* The program chose the bytes, and judgebox-init is not believed either: a path is whatever its size says. */
static int next_trace_entry(Message *m, TraceEntry *ret) {
        size_t left = m->tail_size - m->tail_used;
        MessageTraceEntry e;
        const char *path;
        int r;

        if (left < sizeof(e))
                return -EBADMSG;
        memcpy(&e, m->tail + m->tail_used, sizeof(e));
        m->tail_used += sizeof(e);

        if (e.class >= _PATH_CLASS_MAX || e.number > INT32_MAX)
                return -EBADMSG;

        r = message_next_string(m, &path);
        if (r < 0)
                return r;
        if (strlen(path) + 1 != e.path_size)
                return -EBADMSG;

        *ret = (TraceEntry) {
                .class = (PathClass) e.class,
                .number = (int) e.number,
                .count = e.count,
                .path = strdup(path),
        };
        return ret->path ? 0 : -ENOMEM;
}

static int parse_observed(Message *m, Observed *o) {
        const char *path;
        int r;

        r = message_next_string(m, &path);
        if (r < 0)
                return r;

        if (!isempty(path)) {
                o->path = strdup(path);
                if (!o->path)
                        return -ENOMEM;
        }

        if (m->finished.n_trace > TRACE_ENTRIES_MAX || (m->finished.n_trace > 0 && !m->finished.traced))
                return -EBADMSG;

        o->traced = m->finished.traced;
        o->trace_dropped = m->finished.trace_dropped;
        o->trace = new0(TraceEntry, m->finished.n_trace);
        if (!o->trace)
                return -ENOMEM;

        for (size_t i = 0; i < m->finished.n_trace; i++) {
                r = next_trace_entry(m, o->trace + i);
                if (r < 0)
                        return r;
                o->n_trace++;
        }

        return 0;
}

static bool result_is_valid(const RunResult *r) {
        return r->verdict >= 0 && r->verdict < _VERDICT_MAX &&
                r->step >= 0 && r->step < _STEP_MAX &&
                r->error >= 0 && r->error <= 4095 &&
                r->exit_status >= -1 && r->exit_status <= 255 &&
                r->signal >= 0 && r->signal <= 64 &&
                r->output_stream >= 0 && r->output_stream <= 2 &&
                !(r->degraded & ~_DEGRADED_ALL);
}

int message_parse_finished(Message *m, RunResult *ret, Observed *ret_observed, int *ret_stdout_fd, int *ret_stderr_fd) {
        _cleanup_close_ int out = -EBADF, err = -EBADF;
        _cleanup_(observed_done) Observed o = {};
        int r;

        if (!result_is_valid(&m->finished.result))
                return -EBADMSG;

        if (m->finished.captured_mask & 1) {
                out = message_next_fd(m);
                if (out < 0)
                        return out;
        }
        if (m->finished.captured_mask & 2) {
                err = message_next_fd(m);
                if (err < 0)
                        return err;
        }

        r = parse_observed(m, &o);
        if (r < 0)
                return r;

        if (message_check_end(m) < 0)
                return -EBADMSG;

        *ret = m->finished.result;
        *ret_observed = o;
        o = (Observed) {};
        *ret_stdout_fd = TAKE_FD(out);
        *ret_stderr_fd = TAKE_FD(err);
        return 0;
}
