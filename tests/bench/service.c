/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "fd-util.h"
#include "service.h"
#include "string-util.h"

#define PRIVATE_FD 3

static int fail(const char *what, int r) {
        (void) fprintf(stderr, "bench: %s: %s\n", what, strerror(abs(r)));
        return r;
}

static int start_daemon(const char *path, bool degrade, int fd, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        char *argv[] = {
                (char *) path,
                (char *) "--private-fd=" STRINGIFY(PRIVATE_FD),
                degrade ? (char *) "--degrade" : NULL,
                NULL,
        };
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;

        r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ?:
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) ?:
            posix_spawn_file_actions_adddup2(&actions, fd, PRIVATE_FD) ?:
            posix_spawn(ret, path, &actions, NULL, argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Takes parameters over. */
static int call(
                Service *s,
                const char *method,
                json_object *parameters,
                const int *fds,
                size_t n_fds,
                VarlinkReply *ret) {

        VarlinkReply reply = VARLINK_REPLY_NULL;
        int r;

        r = varlink_client_call(s->client, method, parameters, fds, n_fds, &reply);
        if (r < 0)
                return fail(method, r);

        if (reply.error) {
                (void) fprintf(stderr, "bench: %s: %s %s\n", method, reply.error,
                               json_object_to_json_string(reply.parameters));
                varlink_reply_done(&reply);
                return -EPROTO;
        }

        *ret = reply;
        return 0;
}

static json_object *new_box_parameters(const char *box) {
        json_object *p = json_object_new_object();

        (void) json_object_object_add(p, "box", json_object_new_string(box));
        return p;
}

static int put_program(Service *s, int program_fd, const char *path) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_close_ int fd = -EBADF;
        json_object *p = new_box_parameters(SERVICE_BOX), *index;
        char buffer[64 * 1024];
        ssize_t n;
        int r;

        (void) json_object_object_add(p, "path", json_object_new_string(path));
        (void) json_object_object_add(p, "create", json_object_new_boolean(true));
        (void) json_object_object_add(p, "executable", json_object_new_boolean(true));

        r = call(s, "org.judgebox.Manager.OpenFile", p, NULL, 0, &reply);
        if (r < 0)
                return r;

        if (!json_object_object_get_ex(reply.parameters, "fileDescriptor", &index))
                return fail("OpenFile", -EBADMSG);
        fd = varlink_reply_take_fd(&reply, json_object_get_int64(index));
        if (fd < 0)
                return fail("OpenFile", fd);

        n = pread(program_fd, buffer, sizeof(buffer), 0);
        if (n < 0)
                return fail(path, -errno);

        r = fd_write_full(fd, buffer, (size_t) n);
        return r < 0 ? fail(path, r) : 0;
}

static int tell_what_is_missing(Service *s) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        json_object *degraded;
        int r;

        r = call(s, "org.judgebox.Manager.GetStatus", NULL, NULL, 0, &reply);
        if (r < 0)
                return r;

        if (json_object_object_get_ex(reply.parameters, "degraded", &degraded) &&
            json_object_array_length(degraded) > 0)
                (void) fprintf(stderr, "bench: not enforced by a cgroup here: %s\n",
                               json_object_to_json_string_ext(degraded, JSON_C_TO_STRING_PLAIN));
        return 0;
}

static int create_box(Service *s, const char *box) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;

        return call(s, "org.judgebox.Manager.CreateBox", new_box_parameters(box), NULL, 0, &reply);
}

int service_start(Service *s, const char *bin_dir, const char *tiny, const char *calls, bool degrade) {
        _cleanup_close_pair_ int pair[2] = EBADF_PAIR;
        _cleanup_close_ int calls_fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        int r;

        assert(s);

        s->tiny_fd = open(tiny, O_RDONLY | O_CLOEXEC);
        if (s->tiny_fd < 0)
                return fail(tiny, -errno);

        calls_fd = open(calls, O_RDONLY | O_CLOEXEC);
        if (calls_fd < 0)
                return fail(calls, -errno);

        path = strprintf("%s/judgeboxd", bin_dir);
        if (!path)
                return -ENOMEM;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return fail("socketpair", -errno);

        r = start_daemon(path, degrade, pair[1], &s->pid);
        if (r < 0)
                return fail(path, r);

        r = varlink_client_new_from_fd(TAKE_FD(pair[0]), &s->client);
        if (r < 0)
                return fail("varlink", r);
        pair[1] = safe_close(pair[1]);

        r = tell_what_is_missing(s);
        if (r < 0)
                return r;

        r = create_box(s, SERVICE_BOX);
        if (r >= 0)
                r = create_box(s, SERVICE_RESET_BOX);
        if (r >= 0)
                r = put_program(s, s->tiny_fd, SERVICE_TINY);
        if (r >= 0)
                r = put_program(s, calls_fd, SERVICE_CALLS);
        return r;
}

/* It ends with its one connection. */
void service_stop(Service *s) {
        assert(s);

        s->client = varlink_client_free(s->client);
        s->tiny_fd = safe_close(s->tiny_fd);
        if (s->pid > 0) {
                (void) waitpid(s->pid, NULL, 0);
                s->pid = 0;
        }
}

int service_get_leader(Service *s, pid_t *ret) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        json_object *status, *pid;
        int r;

        r = call(s, "org.judgebox.Manager.GetBox", new_box_parameters(SERVICE_BOX), NULL, 0, &reply);
        if (r < 0)
                return r;

        if (!json_object_object_get_ex(reply.parameters, "status", &status) ||
            !json_object_object_get_ex(status, "leaderPid", &pid))
                return fail("GetBox", -EBADMSG);

        *ret = json_object_get_int(pid);
        return 0;
}

int service_call_status(Service *s) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;

        return call(s, "org.judgebox.Manager.GetStatus", NULL, NULL, 0, &reply);
}

int service_run(
                Service *s,
                const char *box,
                const char *program,
                const char *profile,
                bool share_network,
                const char *wanted_verdict) {

        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        json_object *p, *arguments, *result, *verdict;
        const char *v;
        size_t n_fds = 0;
        int r;

        assert(s);
        assert(wanted_verdict);

        p = box ? new_box_parameters(box) : json_object_new_object();
        arguments = json_object_new_array();
        (void) json_object_array_add(arguments, json_object_new_string(program ?: SERVICE_TINY));
        (void) json_object_object_add(p, "arguments", arguments);
        if (profile)
                (void) json_object_object_add(p, "profile", json_object_new_string(profile));

        /* Other boxes have no files yet: the program comes with the request, as a submission would. */
        if (!streq_ptr(box, SERVICE_BOX) && !program) {
                (void) json_object_object_add(p, "executableFileDescriptor", json_object_new_int(0));
                n_fds = 1;
        }
        if (share_network) {
                json_object *settings = json_object_new_object();

                (void) json_object_object_add(settings, "shareNetwork", json_object_new_boolean(true));
                (void) json_object_object_add(p, "settings", settings);
        }

        r = call(s, "org.judgebox.Manager.Run", p, &s->tiny_fd, n_fds, &reply);
        if (r < 0)
                return r;

        if (!json_object_object_get_ex(reply.parameters, "result", &result) ||
            !json_object_object_get_ex(result, "verdict", &verdict))
                return fail("Run", -EBADMSG);

        v = json_object_get_string(verdict);
        if (!streq_ptr(v, wanted_verdict)) {
                (void) fprintf(stderr, "bench: %s: not %s: %s\n", program ?: "the tiny program", wanted_verdict,
                               json_object_to_json_string(result));
                return -EPROTO;
        }

        return 0;
}

static int run_with_file(Service *s, const char *key, json_object *file, int fd, VarlinkReply *ret) {
        json_object *p = new_box_parameters(SERVICE_BOX), *arguments = json_object_new_array(),
                    *files = json_object_new_array();

        (void) json_object_array_add(arguments, json_object_new_string(SERVICE_TINY));
        (void) json_object_object_add(p, "arguments", arguments);
        (void) json_object_array_add(files, file);
        (void) json_object_object_add(p, key, files);

        return call(s, "org.judgebox.Manager.Run", p, &fd, fd >= 0, ret);
}

int service_put(Service *s, int fd) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        json_object *file = json_object_new_object();

        assert(fd >= 0);

        (void) json_object_object_add(file, "fileDescriptor", json_object_new_int(0));
        (void) json_object_object_add(file, "path", json_object_new_string(SERVICE_DATA));
        return run_with_file(s, "inFiles", file, fd, &reply);
}

int service_get(Service *s, int *ret_fd) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        json_object *files, *index;
        int fd, r;

        r = run_with_file(s, "outFiles", json_object_new_string(SERVICE_DATA), -EBADF, &reply);
        if (r < 0)
                return r;

        if (!json_object_object_get_ex(reply.parameters, "outFileDescriptors", &files) ||
            !json_object_object_get_ex(json_object_array_get_idx(files, 0), "fileDescriptor", &index))
                return fail("outFiles", -EBADMSG);

        fd = varlink_reply_take_fd(&reply, json_object_get_int64(index));
        if (fd < 0)
                return fail("outFiles", fd);

        *ret_fd = fd;
        return 0;
}

int service_reset(Service *s) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;

        return call(s, "org.judgebox.Manager.ResetBox", new_box_parameters(SERVICE_RESET_BOX), NULL, 0, &reply);
}
