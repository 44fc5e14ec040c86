/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "failure.h"
#include "utf8.h"

void failure_done(Failure *f) {
        assert(f);

        f->name = mfree(f->name);
        f->message = mfree(f->message);
        f->missing = strv_free(f->missing);
        f->type = FAILURE_NONE;
}

int failure_set(Failure *f, FailureType type, const char *name) {
        assert(f);
        assert(type > FAILURE_NONE && type < _FAILURE_TYPE_MAX);

        failure_done(f);
        *f = (Failure) { .type = type, .name = name ? strdup(name) : NULL };
        return (int) type;
}

_printf_(1, 0) static char *format_message(const char *format, va_list ap) {
        char *s = NULL;

        return vasprintf(&s, format, ap) < 0 ? NULL : s;
}

int failure_set_message(Failure *f, FailureType type, const char *name, const char *format, ...) {
        va_list ap;

        (void) failure_set(f, type, name);

        va_start(ap, format);
        f->message = format_message(format, ap);
        va_end(ap);
        return (int) type;
}

int failure_set_number(Failure *f, FailureType type, const char *name, uint64_t number) {
        (void) failure_set(f, type, name);
        f->number = number;
        return (int) type;
}

int failure_set_file(Failure *f, const char *path, int error) {
        error = abs(error);

        if (error == ENOENT)
                return failure_set(f, FAILURE_NO_SUCH_FILE, path);

        if (utf8_is_valid_n(path, strlen(path)))
                (void) failure_set_message(f, FAILURE_FILE_ERROR, path, "%s: %s", path, strerror(error));
        else
                (void) failure_set_message(f, FAILURE_FILE_ERROR, path, "%s", strerror(error));
        f->error = error;
        return FAILURE_FILE_ERROR;
}

int failure_set_internal(Failure *f, Step step, int error) {
        error = abs(error);

        (void) failure_set_message(f, FAILURE_INTERNAL, NULL, "The sandbox failed (%s: %s).",
                                   strna(step_to_string(step)), strerror(error));
        f->step = step;
        f->error = error;
        return FAILURE_INTERNAL;
}

int failure_set_field(Failure *f, const char *field, const char *format, ...) {
        va_list ap;

        (void) failure_set(f, FAILURE_INVALID_PARAMETER, field);

        va_start(ap, format);
        f->message = format_message(format, ap);
        va_end(ap);
        return FAILURE_INVALID_PARAMETER;
}

void failure_copy(Failure *f, const Failure *from, const char *prefix) {
        bool is_field = IN_SET(from->type, FAILURE_LIMIT_OUT_OF_RANGE, FAILURE_INVALID_PARAMETER);

        assert(f);
        assert(from);
        assert(prefix);

        failure_done(f);
        *f = (Failure) {
                .type = from->type,
                .name = from->name ? strprintf("%s%s", is_field ? prefix : "", from->name) : NULL,
                .message = from->message ? strdup(from->message) : NULL,
                .step = from->step,
                .error = from->error,
                .number = from->number,
                .missing = from->missing ? strv_copy(from->missing) : NULL,
        };
}

bool failure_take(Failure *f, int r) {
        assert(f);

        if (r < 0)
                (void) failure_set_internal(f, STEP_NONE, r);

        return r != 0;
}
