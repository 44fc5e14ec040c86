/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"
#include "copy.h"
#include "error.h"
#include "log.h"
#include "meta.h"
#include "result.h"
#include "run-options.h"
#include "string-util.h"
#include "terminal.h"
#include "verbs.h"

static const char *const stream_options[3] = { "--stdin=", "--stdout=", "--stderr=" };
static const char *const stream_fields[3] = { "stdin", "stdout", "stderr" };

typedef struct Run {
        RunOptions options;
        Request request;
        int stream_fds[3]; /* what was opened for -i, -o and -e and is relayed */
        Relay *relays[3];
        size_t n_relays;
        Terminal *terminal; /* --tty; has the relays then */
        int meta_fd;
} Run;

#define RUN_NULL (Run) { .stream_fds = { -EBADF, -EBADF, -EBADF }, .meta_fd = -EBADF }

static void run_done(Run *run) {
        run_options_done(&run->options);
        request_done(&run->request);
        for (size_t i = 0; i < run->n_relays && !run->terminal; i++)
                run->relays[i] = relay_free(run->relays[i]);
        run->terminal = terminal_free(run->terminal);
        for (size_t i = 0; i < ELEMENTSOF(run->stream_fds); i++)
                run->stream_fds[i] = safe_close(run->stream_fds[i]);
        run->meta_fd = safe_close(run->meta_fd);
}

/* The program gets the stream's descriptor where the service takes it, and a pipe otherwise. */
static int add_stream(Run *run, size_t which) {
        bool input = which == STDIN_FILENO;
        _cleanup_close_ int program_fd = -EBADF;
        json_object *o;
        int fd, r;

        if (run->options.stream_paths[which]) {
                const char *path = run->options.stream_paths[which];

                fd = open(path, (input ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC) | O_CLOEXEC | O_NOCTTY, 0666);
                if (fd < 0)
                        return log_error_errno(errno, "%s: failed to open \"%s\": %m", stream_options[which],
                                               path);
                run->stream_fds[which] = fd;
        } else
                fd = (int) which;

        if (stream_can_pass(fd, input)) {
                program_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (program_fd < 0)
                        return log_error_errno(errno, "Failed to duplicate a descriptor: %m");
        } else {
                r = relay_new(fd, input, run->relays + run->n_relays, &program_fd);
                if (r < 0)
                        return log_error_errno(r, "Failed to make a pipe: %m");
                run->n_relays++;
        }

        o = json_object_new_object();
        if (json_add(run->request.parameters, stream_fields[which], o) < 0)
                return log_oom();

        r = request_set_fd(&run->request, o, "fileDescriptor", TAKE_FD(program_fd));
        if (r == -E2BIG)
                return log_error_errno(r, "A request can carry at most %u files and directories, standard streams "
                                       "included.", VARLINK_FDS_MAX);
        return r < 0 ? log_oom() : 0;
}

static int add_terminal(Run *run) {
        int fd, r;

        r = terminal_new(&run->terminal, &fd);
        if (r < 0)
                return log_error_errno(r, "Failed to make a terminal: %m");

        r = request_set_fd(&run->request, run->request.parameters, "terminalFileDescriptor", fd);
        if (r == -E2BIG)
                return log_error_errno(r, "A request can carry at most %u files and directories, the terminal "
                                       "included.", VARLINK_FDS_MAX);
        return r < 0 ? log_oom() : 0;
}

static int add_streams(Run *run) {
        int r;

        for (size_t i = 0; i < 3; i++) {
                if (i == STDERR_FILENO && run->options.stderr_to_stdout) {
                        if (json_add_boolean(run->request.parameters, "stderrToStdout", true) < 0)
                                return log_oom();
                        continue;
                }

                r = add_stream(run, i);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int prepare(Run *run, const Context *c) {
        int r;

        r = run_options_make_request(&run->options, c, &run->request);
        if (r < 0)
                return r;

        if (run->options.meta_path) {
                run->meta_fd = streq(run->options.meta_path, "-")
                        ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                        : open(run->options.meta_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
                if (run->meta_fd < 0)
                        return log_error_errno(errno, "--meta=: failed to open \"%s\": %m",
                                               run->options.meta_path);
        }

        return run->options.tty ? add_terminal(run) : add_streams(run);
}

static void on_resize(void *userdata) {
        terminal_resize(userdata);
}

/* Our own terminal is the program's for as long as it runs, and ours again for what we have to say. */
static int run_in_terminal(Run *run, Connection *connection, VarlinkReply *ret) {
        int r;

        r = terminal_begin(run->terminal, run->relays);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the terminal: %m");
        run->n_relays = 2;

        r = connection_run(connection, &run->request, run->relays, run->n_relays, ret);
        request_done(&run->request);
        if (r >= 0)
                terminal_finish(run->terminal);
        run->n_relays = 0;
        run->terminal = terminal_free(run->terminal);
        return r;
}

/* result: NULL if there is none. */
static int write_meta(const Run *run, const Context *c, json_object *result) {
        _cleanup_(meta_done) Meta m = {};
        int r;

        if (run->meta_fd < 0)
                return 0;

        if (!result && c->interrupt.signal != 0)
                r = meta_make_interrupted(NULL, /* control_groups= */ true, c->interrupt.signal, &m);
        else
                r = meta_make(result, /* control_groups= */ true, &m);
        if (r < 0)
                return log_oom();

        r = fd_write_full(run->meta_fd, m.text, strlen(m.text));
        return r < 0 ? log_error_errno(r, "Failed to write \"%s\": %m", run->options.meta_path) : 0;
}

/* Of a run that there was none of, isolate says why. */
static int refused(const Run *run, const Context *c, const VarlinkReply *reply) {
        _cleanup_free_ char *sentence = error_to_sentence(reply->error, reply->parameters);
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!sentence || !o || json_add_string(o, "message", sentence) < 0)
                return log_oom();

        (void) write_meta(run, c, o);
        return connection_log_error(reply);
}

/* Files of the box that came with the reply, by the caller's rights. */
static int fetch_out_files(const Run *run, VarlinkReply *reply) {
        json_object *l = json_get_array(reply->parameters, "outFileDescriptors");
        int failed = 0;

        for (size_t i = 0; i < run->options.n_out; i++) {
                const TransferOption *t = run->options.out + i;
                json_object *element = l ? json_object_array_get_idx(l, i) : NULL;
                _cleanup_close_ int source = -EBADF, destination = -EBADF;
                uint64_t index;
                int r;

                if (!json_get_uint64(element, "fileDescriptor", &index)) {
                        log_warning("--out=: there is no file \"%s\" in the box.", t->source);
                        continue;
                }

                source = varlink_reply_take_fd(reply, (int64_t) index);
                if (source < 0) {
                        log_error("--out=: the service did not send \"%s\".", t->source);
                        failed = -EBADMSG;
                        continue;
                }

                destination = open(t->destination, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
                if (destination < 0) {
                        failed = log_error_errno(errno, "--out=: failed to open \"%s\": %m", t->destination);
                        continue;
                }

                r = copy_file(source, destination, NULL, NULL);
                if (r < 0)
                        failed = log_error_errno(r, "--out=: failed to write \"%s\": %m", t->destination);
        }

        return failed;
}

static int finish(Run *run, const Context *c, VarlinkReply *reply) {
        json_object *result;
        int r, k;

        if (reply->error)
                return refused(run, c, reply);

        result = json_get_object(reply->parameters, "result");
        if (!result) {
                log_error("The reply of judgeboxd has no result.");
                return -EBADMSG;
        }

        k = fetch_out_files(run, reply);
        r = write_meta(run, c, result);
        if (r < 0)
                k = r;

        if (c->json != JSON_OFF)
                json_print(result, c->json);
        else if (!run->options.quiet)
                result_print(stderr, result);

        return k < 0 ? k : result_exit_status(result);
}

int verb_run(Context *c, int argc, char *argv[]) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(run_done) Run run = RUN_NULL;
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r;

        r = run_options_parse(&run.options, c, argc, argv);
        if (r <= 0)
                return r;

        r = prepare(&run, c);
        if (r < 0)
                return r;

        if (run.terminal) {
                c->interrupt.on_resize = on_resize;
                c->interrupt.userdata = run.terminal;
        }

        r = connection_open(c, &connection);
        if (r >= 0)
                r = run.terminal ? run_in_terminal(&run, connection, &reply)
                                 : connection_run(connection, &run.request, run.relays, run.n_relays, &reply);
        c->interrupt.on_resize = NULL;
        if (r < 0) {
                (void) write_meta(&run, c, /* result= */ NULL);
                return r;
        }

        for (size_t i = 0; i < run.n_relays; i++)
                relay_drain(run.relays[i]);

        return finish(&run, c, &reply);
}
