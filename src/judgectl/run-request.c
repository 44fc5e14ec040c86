/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "base64.h"
#include "environment.h"
#include "log.h"
#include "run-options.h"
#include "string-util.h"
#include "utf8.h"

int run_options_make_environment(const RunOptions *o, char *const *own, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;

        assert(o);
        assert(ret);

        if (!o->full_environment && !o->environment) {
                *ret = NULL;
                return 0;
        }

        if (!o->full_environment && environment_add_defaults(&l) < 0)
                return log_oom();

        for (char *const *i = own; i && *i && o->full_environment; i++)
                if (strv_extend(&l, *i) < 0)
                        return log_oom();

        STRV_FOREACH(e, o->environment) {
                const char *variable = *e;

                /* A bare name passes our own value on; where we have none, neither does the program. */
                if (!strchr(variable, '='))
                        variable = environment_get(own, variable);

                if (variable && environment_set(&l, variable) < 0)
                        return log_oom();
        }

        *ret = TAKE_PTR(l);
        return 0;
}

static int add_file(
                Request *q,
                json_object *o,
                const char *key,
                const char *option,
                const char *path,
                bool *ret_executable) {

        struct stat st;
        int fd, r;

        /* O_NONBLOCK: a FIFO must not make us wait; it is refused below. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return log_error_errno(errno, "%s: failed to open \"%s\": %m", option, path);

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                (void) safe_close(fd);
                log_error("%s: \"%s\" is not a regular file.", option, path);
                return -EINVAL;
        }

        if (ret_executable)
                *ret_executable = st.st_mode & 0111;

        r = request_set_fd(q, o, key, fd);
        if (r == -E2BIG)
                return log_error_errno(r, "%s%s: a request can carry at most %u files and directories.", option,
                                       path, VARLINK_FDS_MAX);
        return r < 0 ? log_oom() : 0;
}

static int add_in_files(const RunOptions *o, Request *q) {
        json_object *array;
        int r;

        if (o->n_in == 0)
                return 0;

        array = json_object_new_array();
        if (json_add(q->parameters, "inFiles", array) < 0)
                return log_oom();

        for (size_t i = 0; i < o->n_in; i++) {
                json_object *element = json_object_new_object();
                bool executable = false;

                if (json_append(array, element) < 0)
                        return log_oom();

                r = add_file(q, element, "fileDescriptor", "--in=", o->in[i].source, &executable);
                if (r < 0)
                        return r;

                r = json_add_path(element, o->in[i].destination);
                if (r >= 0 && executable)
                        r = json_add_boolean(element, "executable", true);
                if (r < 0)
                        return log_oom();
        }

        return 0;
}

/* All by their bytes if one has to be: the reply has them in the order of the options then. */
static int add_out_files(const RunOptions *o, Request *q) {
        json_object *array;
        bool encode = false;

        if (o->n_out == 0)
                return 0;

        for (size_t i = 0; i < o->n_out; i++)
                encode = encode || !utf8_is_valid_n(o->out[i].source, strlen(o->out[i].source));

        array = json_object_new_array();
        if (json_add(q->parameters, encode ? "outFilesBase64" : "outFiles", array) < 0)
                return log_oom();

        for (size_t i = 0; i < o->n_out; i++) {
                const char *path = o->out[i].source;
                _cleanup_free_ char *encoded = encode ? base64_encode(path, strlen(path)) : strdup(path);

                if (!encoded || json_append_string(array, encoded) < 0)
                        return log_oom();
        }

        return 0;
}

static int add_strings(const RunOptions *o, const Context *c, Request *q) {
        _cleanup_strv_free_ char **environment = NULL;
        size_t bad = 0;
        int r;

        r = json_add_strv(q->parameters, "arguments", o->arguments, &bad);
        if (r == -EILSEQ)
                return log_error_errno(r, bad == 0 ? "The program's name is not valid UTF-8."
                                                   : "Argument %zu of the program is not valid UTF-8.", bad);
        if (r < 0)
                return log_oom();

        r = run_options_make_environment(o, environ, &environment);
        if (r < 0)
                return r;
        if (environment || o->full_environment) {
                r = json_add_strv(q->parameters, "environment", environment, &bad);
                if (r == -EILSEQ)
                        return log_error_errno(r, "The value of the variable %.*s is not valid UTF-8.",
                                               (int) strcspn(environment[bad], "="), environment[bad]);
                if (r < 0)
                        return log_oom();
        }

        if (o->working_directory) {
                r = json_add_string(q->parameters, "workingDirectory", o->working_directory);
                if (r == -EILSEQ)
                        return log_error_errno(r, "--chdir=: the path is not valid UTF-8.");
                if (r < 0)
                        return log_oom();
        }

        if (o->box && (json_add_string(q->parameters, "box", o->box) < 0 ||
                       (c->owner_set && json_add_uint64(q->parameters, "owner", c->owner) < 0)))
                return log_oom();

        return 0;
}

int run_options_make_request(RunOptions *o, const Context *c, Request *q) {
        _cleanup_json_ json_object *settings = NULL;
        int r;

        assert(o);
        assert(q);

        r = request_init(q);
        if (r < 0)
                return log_oom();

        r = add_strings(o, c, q);
        if (r < 0)
                return r;

        if (o->exec_file) {
                r = add_file(q, q->parameters, "executableFileDescriptor", "--exec-file=", o->exec_file, NULL);
                if (r < 0)
                        return r;
        }

        r = box_options_make_settings(&o->box_options, q, &settings);
        if (r < 0)
                return r;
        if (settings && json_add(q->parameters, "settings", TAKE_PTR(settings)) < 0)
                return log_oom();
        if (o->box_options.profile && json_add_string(q->parameters, "profile", o->box_options.profile) < 0)
                return log_oom();
        if (o->box_options.allowed_paths &&
            json_add(q->parameters, "allowedPaths", TAKE_PTR(o->box_options.allowed_paths)) < 0)
                return log_oom();
        if (o->box_options.limits && json_add(q->parameters, "limits", TAKE_PTR(o->box_options.limits)) < 0)
                return log_oom();

        if (o->priority != 0 && json_add(q->parameters, "priority", json_object_new_int(o->priority)) < 0)
                return log_oom();

        if (o->trace && json_add_boolean(q->parameters, "trace", true) < 0)
                return log_oom();

        r = add_in_files(o, q);
        if (r < 0)
                return r;

        return add_out_files(o, q);
}
