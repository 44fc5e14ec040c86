/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A service for the tests of judgectl, in a child process: it answers on a real socket and checks calls against the
 * real interface, but runs nothing. It writes one line a call to `log`, so that a test sees what was asked for, in
 * which order, and when a caller went away.
 *
 * Run does what arguments[0] says:
 *   ok, runtime-error, internal-error    that verdict; writes "out" and "err", and what it can read from standard
 *                                        input, to the streams
 *   refuse                               LimitOutOfRange
 *   hang                                 no answer
 *   anything else                        ok
 * Files: "tree" is a directory with names that a box should not have, any other path is a file that holds its path. */

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "json-util.h"
#include "string-util.h"
#include "test-util.h"
#include "text-util.h"
#include "varlink-interfaces.h"
#include "varlink.h"

#define MANAGER "org.judgebox.Manager."

static int fake_log_fd = -EBADF;

static void _printf_(1, 2) fake_log(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        assert(vdprintf(fake_log_fd, format, ap) >= 0);
        va_end(ap);
}

static int fake_memfd(const char *text) {
        return memfd_new_sealed("fake", text, strlen(text));
}

static json_object *fake_result(const char *verdict) {
        json_object *o = json_object_new_object();

        assert(json_add_string(o, "verdict", verdict) >= 0);
        assert(json_add_string(o, "message", "As it was told.") >= 0);
        assert(json_add_uint64(o, "cpuTimeUSec", 1500) >= 0);
        assert(json_add_uint64(o, "memoryPeakBytes", 4096) >= 0);
        assert(json_add_string(o, "box", "b1") >= 0);
        assert(json_add_uint64(o, "owner", 0) >= 0);
        assert(json_add_uint64(o, "run", 1) >= 0);
        return o;
}

/* The descriptor of a stream, or -EBADF. Holding a terminal is what no program may ever do. */
static int fake_take_stream(VarlinkCall *call, json_object *parameters, const char *stream) {
        uint64_t index;
        int fd;

        if (!json_get_uint64(json_get_object(parameters, stream), "fileDescriptor", &index))
                return -EBADF;

        fd = varlink_call_take_fd(call, (int64_t) index);
        if (fd >= 0 && isatty(fd))
                fake_log("TERMINAL %s\n", stream);
        return fd;
}

static void fake_disconnected(VarlinkCall *call, void *userdata) {
        fake_log("gone\n");
        (void) varlink_call_unref(call);
}

static void fake_log_run(json_object *parameters) {
        json_object *files = json_get_array(parameters, "inFiles"), *limits = json_get_object(parameters, "limits");

        fake_log("Run %s", json_object_get_string(json_object_array_get_idx(json_get_array(parameters, "arguments"), 0)));
        for (size_t i = 0; files && i < json_object_array_length(files); i++)
                fake_log(" in:%s", json_get_string(json_object_array_get_idx(files, i), "path"));
        if (limits)
                fake_log(" %s", json_object_to_json_string_ext(limits, JSON_C_TO_STRING_PLAIN));
        fake_log("\n");
}

static int fake_run(VarlinkCall *call, json_object *parameters, void *userdata) {
        _cleanup_close_ int in = fake_take_stream(call, parameters, "stdin"),
                            out = fake_take_stream(call, parameters, "stdout"),
                            err = fake_take_stream(call, parameters, "stderr");
        const char *program =
                json_object_get_string(json_object_array_get_idx(json_get_array(parameters, "arguments"), 0));
        bool capture = json_get_boolean(json_get_object(parameters, "stdout"), "capture"), known;
        json_object *wanted = json_get_array(parameters, "outFiles"), *reply = json_object_new_object();
        _cleanup_free_ char *text = NULL, *output = NULL;
        int fds[VARLINK_FDS_MAX];
        size_t n_fds = 0;
        int r;

        fake_log_run(parameters);

        if (streq(program, "refuse")) {
                assert(json_add_string(reply, "field", "limits.memoryBytes") >= 0);
                assert(json_add_string(reply, "message", "at most 4096") >= 0);
                return varlink_call_error(call, MANAGER "LimitOutOfRange", reply);
        }

        if (streq(program, "hang")) {
                varlink_call_set_disconnect_handler(varlink_call_ref(call), fake_disconnected);
                json_object_put(reply);
                return 0;
        }

        if (in >= 0 && fd_wait_for_event(in, POLLIN, usec_add(now_usec(CLOCK_MONOTONIC), USEC_PER_SEC / 5)) > 0) {
                char buf[64] = {};

                assert(read(in, buf, sizeof(buf) - 1) >= 0);
                text = strdup(buf);
        }
        if (out >= 0)
                assert(dprintf(out, "out%s", strempty(text)) >= 0);
        if (err >= 0)
                assert(dprintf(err, "err") >= 0);

        known = streq(program, "runtime-error") || streq(program, "internal-error");
        assert(json_add(reply, "result", fake_result(known ? program : "ok")) >= 0);
        if (capture) {
                assert(json_add_uint64(reply, "stdoutFileDescriptor", n_fds) >= 0);
                output = strprintf("%s\x1b[2J", strempty(text));
                fds[n_fds++] = fake_memfd(known ? output : strempty(text));
        }

        if (wanted) {
                json_object *l = json_object_new_array();

                assert(json_add(reply, "outFileDescriptors", l) >= 0);
                for (size_t i = 0; i < json_object_array_length(wanted); i++) {
                        const char *path = json_object_get_string(json_object_array_get_idx(wanted, i));
                        json_object *o = json_object_new_object();

                        assert(json_append(l, o) >= 0);
                        assert(json_add_string(o, "path", path) >= 0);
                        if (strstr(path, "missing"))
                                continue;
                        assert(json_add_uint64(o, "fileDescriptor", n_fds) >= 0);
                        fds[n_fds++] = fake_memfd(path);
                }
        }

        r = varlink_call_reply_with_fds(call, reply, fds, n_fds);
        close_many(fds, n_fds);
        return r;
}

static int fake_open_file(VarlinkCall *call, json_object *parameters, void *userdata) {
        const char *path = json_get_string(parameters, "path");
        bool create = json_get_boolean(parameters, "create");
        json_object *reply = json_object_new_object();
        _cleanup_close_ int fd = -EBADF;

        fake_log("OpenFile %s%s%s\n", path, create ? " create" : "",
                 json_get_boolean(parameters, "executable") ? " executable" : "");

        if (streq(path_last_component(path), "tree")) {
                assert(json_add_string(reply, "path", path) >= 0);
                assert(json_add_string(reply, "error", "EISDIR") >= 0);
                assert(json_add_string(reply, "message", "Is a directory") >= 0);
                return varlink_call_error(call, MANAGER "FileError", reply);
        }

        fd = create ? memfd_create("fake", MFD_CLOEXEC) : fake_memfd(path);
        assert(json_add_uint64(reply, "fileDescriptor", 0) >= 0);
        assert(json_add_uint64(reply, "sizeBytes", 0) >= 0);
        return varlink_call_reply_with_fds(call, reply, &fd, 1);
}

static int fake_list_files(VarlinkCall *call, json_object *parameters, void *userdata) {
        static const struct {
                const char *name, *type;
        } table[] = {
                { "b10", "regular" }, { "..", "regular" },  { "../up", "regular" }, { "/abs", "regular" },
                { "", "regular" },    { ".", "directory" }, { "b2", "regular" },    { "link", "symlink" },
                { "fifo", "fifo" },   { "a", "directory" }, { "\x1b[2J", "fifo" },
        };
        const char *path = strempty(json_get_string(parameters, "path"));
        json_object *reply = json_object_new_object(), *l = json_object_new_array();

        fake_log("ListFiles %s\n", path);
        assert(json_add(reply, "entries", l) >= 0);

        for (size_t i = 0; i < ELEMENTSOF(table) && streq(path_last_component(path), "tree"); i++) {
                json_object *o = json_object_new_object();

                /* In two replies. */
                if (i == 5 && varlink_call_wants_more(call)) {
                        assert(varlink_call_notify(call, reply, NULL, 0) >= 0);
                        reply = json_object_new_object();
                        l = json_object_new_array();
                        assert(json_add(reply, "entries", l) >= 0);
                }

                assert(json_append(l, o) >= 0);
                assert(json_add_string(o, "name", table[i].name) >= 0);
                assert(json_add_string(o, "type", table[i].type) >= 0);
                assert(json_add_uint64(o, "sizeBytes", 1) >= 0);
                assert(json_add_uint64(o, "mode", 0755) >= 0);
                assert(json_add_uint64(o, "modifiedUSec", 0) >= 0);
        }

        return varlink_call_reply(call, reply);
}

static int fake_create_box(VarlinkCall *call, json_object *parameters, void *userdata) {
        json_object *reply = json_object_new_object();

        fake_log("CreateBox\n");
        assert(json_add_string(reply, "box", json_get_string(parameters, "box") ?: "b1") >= 0);
        assert(json_add_uint64(reply, "owner", 0) >= 0);
        return varlink_call_reply(call, reply);
}

/* The methods that answer nothing. A box named "gone" is not there. */
static int fake_plain(VarlinkCall *call, json_object *parameters, void *userdata) {
        const char *box = strempty(json_get_string(parameters, "box"));

        /* A name of judgectl's own ends in a random number. */
        if (startswith(box, "judge-"))
                box = "judge-N";

        fake_log("%s %s%s%s\n", strrchr(varlink_call_get_method(call), '.') + 1, box,
                 json_get_string(parameters, "path") ? " " : "", strempty(json_get_string(parameters, "path")));

        if (streq(box, "gone")) {
                json_object *o = json_object_new_object();

                assert(json_add_string(o, "box", box) >= 0);
                return varlink_call_error(call, MANAGER "NoSuchBox", o);
        }

        return varlink_call_reply(call, NULL);
}

/* Forks; returns the child's pid when it listens. */
static inline pid_t fake_service_start(const char *socket_path, const char *log_path) {
        static const struct {
                const char *method;
                varlink_method_t callback;
        } methods[] = {
                { MANAGER "Run", fake_run },
                { MANAGER "OpenFile", fake_open_file },
                { MANAGER "ListFiles", fake_list_files },
                { MANAGER "CreateBox", fake_create_box },
                { MANAGER "DestroyBox", fake_plain },
                { MANAGER "ResetBox", fake_plain },
                { MANAGER "MakeDirectory", fake_plain },
                { MANAGER "RemoveFile", fake_plain },
        };
        _cleanup_close_pair_ int ready[2] = EBADF_PAIR;
        VarlinkServer *server = NULL;
        sd_event *event = NULL;
        pid_t pid;
        char c;

        assert(pipe2(ready, O_CLOEXEC) >= 0);

        pid = fork();
        assert(pid >= 0);
        if (pid > 0) {
                ready[1] = safe_close(ready[1]);
                assert(read(ready[0], &c, 1) == 1);
                return pid;
        }

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) signal(SIGPIPE, SIG_IGN);
        fake_log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        assert(fake_log_fd >= 0);

        assert(sd_event_default(&event) >= 0);
        assert(varlink_server_new(event, "v", "p", "0", "u", &server) >= 0);
        assert(varlink_server_add_interface(server, varlink_interface_org_judgebox_Manager) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                assert(varlink_server_bind_method(server, methods[i].method, methods[i].callback, NULL) >= 0);
        assert(varlink_server_listen_path(server, socket_path, 0600) >= 0);
        assert(write(ready[1], "x", 1) == 1);
        ready[1] = safe_close(ready[1]);

        (void) sd_event_loop(event);
        _exit(EXIT_FAILURE);
}
