/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parse-util.h"
#include "profile-read.h"

int read_errno(Reader *p, const char *field, json_object *v, void *userdata) {
        ActionReader *a = userdata;
        uint64_t n;
        int r;

        r = read_uint64(p, field, v, &n);
        if (r < 0)
                return r;
        /* The kernel's MAX_ERRNO. To return 0 would be a lie about a call that was not made. */
        if (n < 1 || n > 4095)
                return reader_fail_type(p, field, "a number from 1 to 4095");

        a->error = (int64_t) n;
        return 0;
}

/* Podman's files name the error too. It stands beside the number, or alone. */
int read_errno_name(Reader *p, const char *field, json_object *v, void *userdata) {
        ActionReader *a = userdata;
        const char *s;
        int error;

        if (!json_object_is_type(v, json_type_string))
                return reader_fail_type(p, field, "the name of an error");

        s = json_object_get_string(v);
        if (isempty(s))
                return 0;

        error = errno_from_name(s);
        if (error < 0)
                return reader_fail(p, "%s%s: Unknown error \"%s\".", p->place, field, s);

        a->error = error;
        return 0;
}

int read_action(Reader *p, const char *field, json_object *v, void *userdata) {
        ActionReader *a = userdata;
        const char *s;

        if (!json_object_is_type(v, json_type_string))
                return reader_fail_type(p, field, "the name of an action");

        s = json_object_get_string(v);
        if (action_from_string(s, &a->action) < 0)
                return reader_fail(p, "%s%s: Unknown action \"%s\".", p->place, field, s);

        a->given = true;
        return 0;
}

/* SCMP_ACT_TRACE has a number too, which is its tracer's and no error. */
Action action_reader_finish(const ActionReader *a) {
        Action action = a->action;

        if (action.type == ACTION_ERRNO && action.error == EPERM && a->error >= 0)
                action.error = (uint16_t) a->error;
        return action;
}
