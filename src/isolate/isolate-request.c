/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "environment.h"
#include "isolate-request.h"
#include "log.h"
#include "string-util.h"

static int add_fd(Isolate *i, Request *q, json_object *o, const char *key, int fd) {
        int r;

        r = request_set_fd(q, o, key, fd);
        if (r == -E2BIG)
                return isolate_fail(i, "Too many directory rules and open files, of which there can be %u at most",
                                    VARLINK_FDS_MAX);
        return r < 0 ? log_oom() : 0;
}

int isolate_rule_open(Isolate *i, const DirRule *rule) {
        struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

        if (rule->flags & DIR_TMP) {
                if ((mkdirat(i->directory_fd, "tmp", 0700) < 0 && errno != EEXIST) ||
                    (mkdirat(i->directory_fd, rule->outside, 0700) < 0 && errno != EEXIST))
                        return -errno;
        }

        if ((rule->flags & DIR_TMP) || streq(rule->outside, "./box"))
                return program_directory_open(i->directory_fd, rule->outside);

        /* In the box's directory a link may be an earlier program's, and lead to what the caller alone may open. */
        if (rule->outside[0] != '/')
                how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

        return RET_NERRNO((int) syscall(SYS_openat2, i->directory_fd, rule->outside, &how, sizeof(how)));
}

/* The service refuses it too, but in words of its own. */
static bool may_be_writable(int fd) {
        struct stat st;

        return getuid() == 0 || (fstat(fd, &st) >= 0 && st.st_uid == getuid());
}

static int add_place(Isolate *i, json_object *o, const DirRule *rule) {
        _cleanup_free_ char *path = strprintf("/%s", rule->inside);
        int r;

        r = path ? json_add_string(o, "path", path) : -ENOMEM;
        if (r == -EILSEQ)
                return isolate_fail(i, "Cannot mount %s on %s: the latter is not valid UTF-8", rule->outside, rule->inside);
        return r < 0 ? log_oom() : 0;
}

static int add_bind(Isolate *i, Request *q, json_object *binds, const DirRule *rule) {
        json_object *bind;
        int fd, r;

        fd = isolate_rule_open(i, rule);
        if (IN_SET(fd, -ENOENT, -ENOTDIR) && (rule->flags & DIR_MAYBE)) {
                isolate_tell(i, "Not binding %s on %s (does not exist)\n", rule->outside, rule->inside);
                return 0;
        }
        if (fd < 0)
                return isolate_fail(i, "Cannot mount %s on %s: %s", rule->outside, rule->inside, strerror(-fd));

        if ((rule->flags & DIR_RW) && !may_be_writable(fd)) {
                (void) safe_close(fd);
                return isolate_fail(i, "Cannot mount %s on %s: not your own, so it cannot be writable", rule->outside,
                                    rule->inside);
        }

        isolate_tell(i, "Binding %s on %s\n", rule->outside, rule->inside);
        bind = json_object_new_object();
        r = json_append(binds, bind);
        if (r < 0) {
                (void) safe_close(fd);
                return log_oom();
        }

        r = add_fd(i, q, bind, "sourceFileDescriptor", fd);
        if (r >= 0)
                r = add_place(i, bind, rule);
        if (r < 0)
                return r;

        if (((rule->flags & DIR_RW) && json_add_boolean(bind, "writable", true) < 0) ||
            ((rule->flags & DIR_TMP) && json_add_boolean(bind, "owned", true) < 0) ||
            ((rule->flags & DIR_NOEXEC) && json_add_boolean(bind, "noexec", true) < 0))
                return log_oom();

        return 0;
}

static int add_working_directory(Isolate *i, Request *q, json_object *settings, const DirRule *rule) {
        int fd;

        fd = isolate_rule_open(i, rule);
        if (fd < 0)
                return isolate_fail(i, "Cannot mount %s on %s: %s", rule->outside, rule->inside, strerror(-fd));

        return add_fd(i, q, settings, "directoryFileDescriptor", fd);
}

static int add_file_system(Isolate *i, json_object *tmpfs, const DirRule *rule) {
        json_object *o;

        /* Each box has one. */
        if (streq(rule->outside, "proc") && streq(rule->inside, "proc"))
                return 0;
        if (!streq(rule->outside, "tmpfs"))
                return isolate_fail(i, "Cannot mount %s on %s: Operation not supported", rule->outside, rule->inside);

        o = json_object_new_object();
        return json_append(tmpfs, o) < 0 ? log_oom() : add_place(i, o, rule);
}

/* Devices are the box's own, whatever a rule says of the host's; and where nothing of the system's directories was
 * changed, the box has them without being told. */
static bool is_there_already(const DirRule *rule, bool system_is_default) {
        return streq(rule->inside, "dev") || (rule->is_default && streq(rule->inside, "dev/shm")) ||
                (system_is_default && dir_rule_is_system(rule));
}

static int add_rules(Isolate *i, Request *q, json_object *settings) {
        bool with_defaults = i->options.default_rules;
        const DirRules *rules = &i->options.rules;
        bool system_is_default = dir_rules_have_system(rules, with_defaults);
        json_object *binds = json_object_new_array(), *tmpfs = json_object_new_array();
        int r;

        r = json_add(settings, "binds", binds);
        if (r < 0)
                (void) json_object_put(tmpfs);
        else
                r = json_add(settings, "tmpfs", tmpfs);
        if (r >= 0 && !system_is_default)
                r = json_add_boolean(settings, "bareRoot", true);
        if (r < 0)
                return log_oom();

        for (size_t k = 0; k < rules->n; k++) {
                const DirRule *rule = dir_rules_find(rules, rules->items[k].inside, with_defaults);

                if (!rule || is_there_already(rule, system_is_default))
                        continue;

                if (rule->flags & DIR_FS)
                        r = add_file_system(i, tmpfs, rule);
                else if (streq(rule->inside, "box") && (rule->flags & DIR_RW) && !(rule->flags & DIR_NOEXEC))
                        r = add_working_directory(i, q, settings, rule);
                else
                        r = add_bind(i, q, binds, rule);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int add_kib(json_object *limits, const char *field, unsigned kib) {
        return kib > 0 ? json_add_uint64(limits, field, (uint64_t) kib * 1024) : 0;
}

static int add_limits(const IsolateOptions *o, json_object *limits) {
        int r;

        r = json_add_uint64(limits, "coreBytes", (uint64_t) o->core * 1024);
        if (r >= 0 && o->time_usec > 0)
                r = json_add_uint64(limits, "cpuTimeUSec", o->time_usec);
        /* Ours is counted from the limit on, isolate's from the start. */
        if (r >= 0 && o->time_usec > 0 && o->extra_time_usec > o->time_usec)
                r = json_add_uint64(limits, "extraTimeUSec", o->extra_time_usec - o->time_usec);
        if (r >= 0 && o->wall_time_usec > 0)
                r = json_add_uint64(limits, "wallTimeUSec", o->wall_time_usec);
        if (r >= 0)
                r = add_kib(limits, "memoryBytes", o->cg_mem);
        if (r >= 0)
                r = add_kib(limits, "addressSpaceBytes", o->mem);
        if (r >= 0)
                r = add_kib(limits, "stackBytes", o->stack);
        if (r >= 0)
                r = add_kib(limits, "fileSizeBytes", o->fsize);
        if (r >= 0 && o->processes > 0)
                r = json_add_uint64(limits, "processes", o->processes);
        if (r >= 0 && o->open_files > 0)
                r = json_add_uint64(limits, "openFiles", o->open_files);

        return r;
}

static void environment_remove(char **l, const char *name) {
        size_t length = strlen(name), n = strv_length(l);

        for (size_t i = 0; i < n; i++)
                if (strncmp(l[i], name, length) == 0 && l[i][length] == '=') {
                        free(l[i]);
                        l[i] = l[n - 1];
                        l[n - 1] = NULL;
                        return;
                }
}

/* As isolate's rules have it: a bare name passes ours on, and an empty value takes it away. */
static int make_environment(const IsolateOptions *o, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;

        for (char **e = environ; o->full_environment && e && *e; e++)
                if (strv_extend(&l, *e) < 0)
                        return -ENOMEM;
        if (environment_set(&l, "LIBC_FATAL_STDERR_=1") < 0)
                return -ENOMEM;

        STRV_FOREACH(rule, o->environment) {
                _cleanup_free_ char *name = strndup(*rule, strcspn(*rule, "="));
                const char *equal = strchr(*rule, '='), *variable = *rule;

                if (!name)
                        return -ENOMEM;
                if (!equal)
                        variable = environment_get(environ, name);
                else if (!equal[1])
                        variable = NULL;

                if (variable ? environment_set(&l, variable) < 0 : (environment_remove(l, name), false))
                        return -ENOMEM;
        }

        *ret = TAKE_PTR(l);
        return 0;
}

static int add_strings(Isolate *i, json_object *parameters) {
        _cleanup_strv_free_ char **environment = NULL, **arguments = NULL;
        size_t bad = 0;
        int r;

        arguments = strv_copy(i->options.arguments);
        if (!arguments || make_environment(&i->options, &environment) < 0)
                return log_oom();

        /* No $PATH is searched. */
        if (arguments[0][0] && !strchr(arguments[0], '/')) {
                char *path = strprintf("./%s", arguments[0]);

                if (!path)
                        return log_oom();
                free(arguments[0]);
                arguments[0] = path;
        }

        r = json_add_strv(parameters, "arguments", arguments, &bad);
        if (r == -EILSEQ)
                return isolate_fail(i, "Argument %zu of the program is not valid UTF-8", bad);
        if (r >= 0)
                r = json_add_strv(parameters, "environment", environment, &bad);
        if (r == -EILSEQ)
                return isolate_fail(i, "The environment variable %.*s is not valid UTF-8",
                                    (int) strcspn(environment[bad], "="), environment[bad]);
        if (r >= 0 && i->options.working_directory)
                r = json_add_string(parameters, "workingDirectory", i->options.working_directory);
        if (r == -EILSEQ)
                return isolate_fail(i, "The working directory is not valid UTF-8");

        return r < 0 ? log_oom() : 0;
}

static int add_inherited(Isolate *i, Request *q, const int *fds, size_t n) {
        json_object *array = json_object_new_array();

        if (json_add(q->parameters, "extraFileDescriptors", array) < 0)
                return log_oom();

        for (size_t k = 0; k < n; k++) {
                json_object *o = json_object_new_object();
                int fd, r;

                if (json_append(array, o) < 0 || json_add_uint64(o, "target", (uint64_t) fds[k]) < 0)
                        return log_oom();

                fd = fcntl(fds[k], F_DUPFD_CLOEXEC, 3);
                if (fd < 0)
                        return isolate_fail(i, "Cannot duplicate descriptor %i: %s", fds[k], strerror(errno));

                r = add_fd(i, q, o, "fileDescriptor", fd);
                if (r < 0)
                        return r;
        }

        return 0;
}

int isolate_request_make(Isolate *i, const int *inherited, size_t n_inherited, Request *q) {
        json_object *settings, *limits;
        int r;

        assert(i);
        assert(q);

        if (request_init(q) < 0)
                return log_oom();

        settings = json_object_new_object();
        if (json_add(q->parameters, "settings", settings) < 0)
                return log_oom();
        limits = json_object_new_object();
        if (json_add(q->parameters, "limits", limits) < 0 ||
            add_limits(&i->options, limits) < 0 ||
            json_add_boolean(q->parameters, "noDefaults", true) < 0 ||
            (i->options.share_net && json_add_boolean(settings, "shareNetwork", true) < 0))
                return log_oom();

        r = add_rules(i, q, settings);
        if (r >= 0)
                r = add_strings(i, q->parameters);
        if (r >= 0)
                r = add_inherited(i, q, inherited, n_inherited);
        return r;
}
