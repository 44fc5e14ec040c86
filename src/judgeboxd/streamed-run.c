/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/epoll.h>

#include "failure-varlink.h"
#include "fd-util.h"
#include "json-build.h"
#include "log.h"
#include "manager.h"
#include "reply-json.h"
#include "streamed-run.h"

/* Read at once; a third more as base64. */
#define PIECE_SIZE (48U * 1024U)

#define N_OUTPUTS 2U

typedef struct StreamedRun StreamedRun;

typedef struct StreamedOutput {
        StreamedRun *run;
        const char *name;
        int fd; /* -EBADF: at its end */
        sd_event_source *source;
} StreamedOutput;

struct StreamedRun {
        VarlinkCall *call;
        Operation *operation; /* until it has ended */
        StreamedOutput outputs[N_OUTPUTS];
        bool waiting; /* for the peer to read */

        /* The last reply, once it has ended well: it comes after all that was written. */
        json_object *result;
        int fds[REPLY_FDS_MAX];
        size_t n_fds;
};

static void output_close(StreamedOutput *o) {
        o->source = sd_event_source_disable_unref(o->source);
        o->fd = safe_close(o->fd);
}

static void streamed_run_free(StreamedRun *s) {
        for (size_t i = 0; i < N_OUTPUTS; i++)
                output_close(s->outputs + i);
        (void) json_object_put(s->result);
        close_many(s->fds, s->n_fds);
        varlink_call_set_userdata(s->call, NULL);
        (void) varlink_call_unref(s->call);
        free(s);
}

static void listen_to_outputs(StreamedRun *s, bool on) {
        for (size_t i = 0; i < N_OUTPUTS; i++)
                if (s->outputs[i].source)
                        (void) sd_event_source_set_enabled(s->outputs[i].source, on ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void on_drained(VarlinkCall *c, void *userdata);

static int tell(StreamedRun *s, const char *stream, const char *data, size_t size) {
        json_object *o = json_object_new_object(), *piece = json_object_new_object();
        int r = o && piece ? 0 : -ENOMEM;

        json_add_string(&r, piece, "stream", stream);
        json_add_base64(&r, piece, "dataBase64", data, size);
        json_add(&r, o, "output", piece);
        if (r < 0) {
                (void) json_object_put(o);
                return r;
        }

        r = varlink_call_notify(s->call, o, NULL, 0);
        if (r < 0)
                return r;

        s->waiting = true;
        listen_to_outputs(s, false);
        varlink_call_on_drained(s->call, on_drained);
        return 0;
}

/* 1: something was read and told; 0: there is nothing now. */
static int output_read(StreamedOutput *o) {
        char data[PIECE_SIZE];
        ssize_t n;
        int r;

        if (o->fd < 0)
                return 0;

        n = read(o->fd, data, sizeof(data));
        if (n < 0 && IN_SET(errno, EAGAIN, EINTR))
                return 0;
        if (n <= 0) {
                output_close(o);
                return 0;
        }

        r = tell(o->run, o->name, data, (size_t) n);
        if (r < 0) {
                /* The connection is gone, or about to be; or we are out of memory, and the rest would lack a part. */
                log_debug_errno(r, "Failed to tell what a run wrote: %m");
                output_close(o);
        }
        return r >= 0;
}

/* The run has ended, so what is in the pipes is all there is. */
static void finish_if_empty(StreamedRun *s) {
        json_object *result;
        int r;

        for (size_t i = 0; i < N_OUTPUTS; i++)
                if (output_read(s->outputs + i) > 0)
                        return;

        result = s->result;
        s->result = NULL;
        r = varlink_call_reply_with_fds(s->call, result, s->fds, s->n_fds);
        if (r < 0 && r != -ECONNRESET)
                log_debug_errno(r, "Failed to answer %s: %m", varlink_call_get_method(s->call));
        streamed_run_free(s);
}

static void on_drained(VarlinkCall *c, void *userdata) {
        StreamedRun *s = ASSERT_PTR(userdata);

        s->waiting = false;
        if (s->result)
                finish_if_empty(s);
        else
                listen_to_outputs(s, true);
}

static int on_output(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        (void) output_read(ASSERT_PTR(userdata));
        return 0;
}

static void on_started(Operation *op, void *userdata) {
        StreamedRun *s = ASSERT_PTR(userdata);
        json_object *o;
        int r;

        r = started_to_json(op, &o);
        if (r >= 0)
                r = varlink_call_notify(s->call, o, NULL, 0);
        if (r < 0 && r != -ECONNRESET)
                log_debug_errno(r, "Failed to tell of a run: %m");
}

/* Its descriptors go with the operation. */
static int keep_result(StreamedRun *s, const Operation *op) {
        int fds[REPLY_FDS_MAX], r;
        size_t n;

        r = operation_to_json(op, &s->result, fds, &n);
        if (r < 0)
                return r;

        for (; s->n_fds < n; s->n_fds++) {
                s->fds[s->n_fds] = fd_duplicate(fds[s->n_fds]);
                if (s->fds[s->n_fds] < 0)
                        return s->fds[s->n_fds];
        }

        return 0;
}

static void on_done(Operation *op, const Failure *failure, void *userdata) {
        StreamedRun *s = ASSERT_PTR(userdata);
        int r = 0;

        s->operation = NULL;
        if (!failure) {
                r = keep_result(s, op);
                if (r >= 0) {
                        listen_to_outputs(s, false);
                        if (!s->waiting)
                                finish_if_empty(s);
                        return;
                }
        }

        r = failure ? failure_reply_varlink(failure, s->call) : varlink_call_error_errno(s->call, r);
        if (r < 0 && r != -ECONNRESET)
                log_debug_errno(r, "Failed to answer %s: %m", varlink_call_get_method(s->call));
        streamed_run_free(s);
}

static void on_disconnect(VarlinkCall *c, void *userdata) {
        StreamedRun *s = userdata;

        if (!s)
                return;

        /* Nobody will say that it read what is on its way. */
        s->waiting = false;
        if (s->operation)
                operation_cancel(s->operation);
        else
                streamed_run_free(s);
}

int streamed_run_new(VarlinkCall *c, Operation *op) {
        static const char *const names[N_OUTPUTS] = { "stdout", "stderr" };
        StreamedRun *s;
        int r;

        assert(c);
        assert(op);

        s = new(StreamedRun, 1);
        if (!s)
                return -ENOMEM;

        *s = (StreamedRun) { .call = varlink_call_ref(c), .operation = op };
        for (size_t i = 0; i < N_OUTPUTS; i++)
                s->outputs[i] = (StreamedOutput) {
                        .run = s,
                        .name = names[i],
                        .fd = TAKE_FD(op->request.streamed_fds[STDOUT_FILENO + i]),
                };

        for (size_t i = 0; i < N_OUTPUTS; i++) {
                StreamedOutput *o = s->outputs + i;

                if (o->fd < 0)
                        continue;

                r = sd_event_add_io(op->manager->event, &o->source, o->fd, EPOLLIN, on_output, o);
                if (r < 0) {
                        streamed_run_free(s);
                        return r;
                }
                (void) sd_event_source_set_description(o->source, "run-output");
        }

        op->started = on_started;
        op->done = on_done;
        op->userdata = s;
        varlink_call_set_userdata(c, s);
        varlink_call_set_disconnect_handler(c, on_disconnect);
        return 0;
}
