/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "profile-read.h"

/* Returns -EINVAL, or -ENOMEM where not even that can be said. */
int reader_fail(Reader *p, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&p->error, format, ap) < 0)
                p->error = NULL;
        va_end(ap);

        return p->error ? -EINVAL : -ENOMEM;
}

int reader_fail_type(Reader *p, const char *field, const char *type) {
        return reader_fail(p, "%s%s: This must be %s.", p->place, field, type);
}

/* A null is as good as nothing: Docker's files have many. A word that is not known may be a misspelled one. */
int read_fields(Reader *p, json_object *o, const Field *fields, size_t n) {
        json_object_object_foreach(o, key, value) {
                const Field *f = NULL;
                int r;

                for (size_t i = 0; i < n && !f; i++)
                        if (streq(fields[i].name, key))
                                f = fields + i;
                if (!f)
                        return reader_fail(p, "%s%s: There is no such field.", p->place, key);
                if (!f->read || !value)
                        continue;

                r = f->read(p, f->name, value, f->userdata);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Calls `read` for each element, named for instance "names[2]". */
int read_elements(Reader *p, const char *field, json_object *v, json_type type, read_t read, void *userdata) {
        if (!json_object_is_type(v, json_type_array))
                return reader_fail_type(p, field, "a list");

        for (size_t i = 0; i < json_object_array_length(v); i++) {
                json_object *e = json_object_array_get_idx(v, i);
                char name[64];
                int r;

                (void) snprintf(name, sizeof(name), "%s[%zu]", field, i);
                if (!json_object_is_type(e, type))
                        return reader_fail_type(p, name, type == json_type_string ? "a string" : "an object");

                r = read(p, name, e, userdata);
                if (r < 0)
                        return r;
        }

        return 0;
}

int read_string(Reader *p, const char *field, json_object *v, void *userdata) {
        if (!json_object_is_type(v, json_type_string))
                return reader_fail_type(p, field, "a string");

        return free_and_strdup((char **) userdata, json_object_get_string(v));
}

int read_boolean(Reader *p, const char *field, json_object *v, void *userdata) {
        bool *b = userdata;

        if (!json_object_is_type(v, json_type_boolean))
                return reader_fail_type(p, field, "true or false");

        *b = json_object_get_boolean(v);
        return 0;
}

int read_uint64(Reader *p, const char *field, json_object *v, void *userdata) {
        uint64_t *n = userdata;

        if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
                return reader_fail_type(p, field, "a number that is not negative");

        *n = json_object_get_uint64(v);
        return 0;
}
