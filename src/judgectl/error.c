/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base64.h"
#include "error.h"
#include "json-util.h"
#include "limit-option.h"
#include "string-util.h"
#include "text-util.h"
#include "varlink.h"

#define INTERFACE_PREFIX "org.judgebox.Manager."

/* Fields that an option other than a limit's sets, and what is right for some: varlink's own error has no room for
 * more than a field's name. */
static const struct {
        const char *field, *option, *hint;
} field_table[] = {
        { "allowedPaths", "--allow-path=" },
        { "arguments", "the program and its arguments" },
        { "bareRoot", "--bare-root" },
        { "binds", "--bind=", "it takes a file or directory, for rw one of your own, and an absolute path outside /proc and /dev" },
        { "box", "the box's id" },
        { "denyTimestampCounter", "--deny-tsc" },
        { "directoryBytes", "--directory-storage=" },
        { "directoryFileDescriptor", "--directory=", "it has to be a directory of your own" },
        { "directoryInodes", "--directory-inodes=" },
        { "domainName", "--domainname=", "a domain name has letters, digits, dots and dashes" },
        { "environment", "--env=", "a name has no blank and begins with no digit" },
        { "executableFileDescriptor", "--exec-file=" },
        { "hostDirectory", "--host-directory" },
        { "hostName", "--hostname=", "a host name has letters, digits, dots and dashes" },
        { "image", "--image=", "judgeboxd(8) says what images there can be" },
        { "imageWritable", "--image=" },
        { "inFiles", "--in=" },
        { "inodes", "--inodes=" },
        { "keepTemporary", "--keep-tmp" },
        { "outFiles", "--out=" },
        { "owner", "--owner=" },
        { "priority", "--priority=", "it goes from -10 to 10" },
        { "profile", "--profile=", "judgectl profile list shows what there is" },
        { "shareNetwork", "--share-net" },
        { "stderr", "--stderr=" },
        { "stdin", "--stdin=" },
        { "stdout", "--stdout=" },
        { "storageBytes", "--storage=" },
        { "terminalFileDescriptor", "--tty" },
        { "tmpfs", "--tmpfs=" },
        { "trace", "--trace" },
        { "workingDirectory", "--chdir=" },
};

/* What the user wrote, for a field such as "limits.memoryBytes" or "settings.binds[1].path": the last component
 * that an option stands for. */
static char *field_to_option(const char *field, const char **ret_hint) {
        _cleanup_strv_free_ char **l = NULL;

        if (ret_hint)
                *ret_hint = NULL;

        if (strv_split(field, ".", &l) < 0)
                return NULL;

        for (size_t n = strv_length(l); n > 0; n--) {
                const LimitOption *limit;
                char *name = l[n - 1];

                name[strcspn(name, "[")] = '\0';

                limit = limit_option_by_field(name);
                if (limit)
                        return strprintf("--%s=", limit->name);

                for (size_t i = 0; i < ELEMENTSOF(field_table); i++)
                        if (streq(name, field_table[i].field)) {
                                if (ret_hint)
                                        *ret_hint = field_table[i].hint;
                                return strdup(field_table[i].option);
                        }
        }

        return text_escape(field, strlen(field), /* keep_lines= */ false);
}

/* The numbers that the service names are in units that an option's bare number is not. */
static char *option_sentence(const char *option, const char *field, const char *rest) {
        const char *dot = strrchr(field, '.'), *end = endswith(rest, "."), *unit = "";
        const LimitOption *limit = limit_option_by_field(dot ? dot + 1 : field);

        if (!end || end == rest || end[-1] < '0' || end[-1] > '9')
                return strprintf("%s%s", option, rest);

        if (limit && limit->kind == LIMIT_KIND_TIME)
                unit = " microseconds";
        else if (limit && limit->kind == LIMIT_KIND_SIZE)
                unit = " bytes";
        return strprintf("%s%.*s%s.", option, (int) (end - rest), rest, unit);
}

/* A string of the reply, made fit for a terminal. */
static char *get_text(json_object *parameters, const char *key) {
        const char *s = json_get_string(parameters, key);

        s = isempty(s) ? "?" : s;
        return text_escape(s, strlen(s), /* keep_lines= */ false);
}

static char *get_path(json_object *parameters) {
        const char *encoded = json_get_string(parameters, "pathBase64");
        _cleanup_free_ char *path = NULL;
        size_t size;

        if (!encoded || base64_decode(encoded, &path, &size) < 0)
                return get_text(parameters, "path");

        return text_escape(path, size, /* keep_lines= */ false);
}

const char *error_short_name(const char *error) {
        return startswith(error, INTERFACE_PREFIX);
}

static char *own_error_to_sentence(const char *name, json_object *parameters) {
        _cleanup_free_ char *box = get_text(parameters, "box"), *path = get_path(parameters),
                            *message = get_text(parameters, "message"), *code = get_text(parameters, "error");
        uint64_t n = 0;

        if (!box || !path || !message || !code)
                return NULL;

        if (streq(name, "NoSuchBox"))
                return strprintf("There is no box \"%s\".", box);
        if (streq(name, "BoxExists"))
                return strprintf("There is a box \"%s\" already.", box);
        if (streq(name, "BoxBusy"))
                return strprintf("The box \"%s\" is busy with something that excludes this request.", box);
        if (streq(name, "NoSuchRun")) {
                (void) json_get_uint64(parameters, "run", &n);
                return strprintf("There is no run %" PRIu64 " going on in the box.", n);
        }
        if (streq(name, "NoSuchFile"))
                return strprintf("There is no file \"%s\" in the box.", path);
        if (streq(name, "FileError"))
                return startswith(message, path) ? strprintf("In the box: %s", message)
                                                 : strprintf("In the box: %s: %s (%s)", path, message, code);
        if (streq(name, "LimitOutOfRange")) {
                const char *field = json_get_string(parameters, "field");
                _cleanup_free_ char *option = field_to_option(strempty(field), /* ret_hint= */ NULL);
                const char *rest = field ? startswith(message, field) : NULL;

                if (!option)
                        return NULL;

                /* A sentence about the field is one about the option. */
                return rest ? option_sentence(option, field, rest)
                            : strprintf("Value of %s is not allowed: %s", option, message);
        }
        if (streq(name, "QuotaExceeded")) {
                _cleanup_free_ char *resource = get_text(parameters, "resource");

                if (!resource)
                        return NULL;
                if (!json_get_uint64(parameters, "limit", &n))
                        return strprintf("Your budget is used up: %s", resource);
                return strprintf("Your budget is used up: %s, at most %" PRIu64, resource, n);
        }
        if (streq(name, "NotSupported")) {
                json_object *missing = json_get_array(parameters, "missing");
                _cleanup_free_ char *list = missing ? json_join_strings(missing) : strdup("?");

                return list ? strprintf("This host cannot do it: %s (missing: %s)", message, list) : NULL;
        }
        if (streq(name, "AskOverBus"))
                return strdup(message);
        if (streq(name, "InternalError")) {
                _cleanup_free_ char *step = get_text(parameters, "step");

                return step ? strprintf("The sandbox failed: %s (%s, %s)", message, step, code) : NULL;
        }

        return strprintf("The service refused: %s", name);
}

char *error_to_sentence(const char *error, json_object *parameters) {
        const char *name;

        assert(error);

        name = error_short_name(error);
        if (name)
                return own_error_to_sentence(name, parameters);

        if (streq(error, VARLINK_ERROR_INVALID_PARAMETER)) {
                const char *field = json_get_string(parameters, "parameter"), *hint;
                _cleanup_free_ char *option = field_to_option(strempty(field), &hint);

                return option ? strprintf("The service does not accept what was given for %s%s%s.", option, hint ? ": " : "",
                                          strempty(hint)) : NULL;
        }
        if (streq(error, VARLINK_ERROR_PERMISSION_DENIED))
                return strdup("Permission denied.");
        if (streq(error, VARLINK_ERROR_METHOD_NOT_FOUND) || streq(error, VARLINK_ERROR_METHOD_NOT_IMPLEMENTED) ||
            streq(error, VARLINK_ERROR_INTERFACE_NOT_FOUND))
                return strdup("The service does not know this request: is it older than judgectl?");
        if (streq(error, VARLINK_ERROR_SYSTEM)) {
                uint64_t n;

                if (json_get_uint64(parameters, "errno", &n) && n > 0 && n < 4096)
                        return strprintf("The service failed: %s", strerror((int) n));
        }

        return text_escape(error, strlen(error), /* keep_lines= */ false);
}
