/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <math.h>

#include "json-parse.h"
#include "utf8.h"

int json_parse_checked(
                const char *text,
                size_t size,
                const JsonBounds *bounds,
                json_tokener *tokener,
                json_object **ret) {

        json_tokener *t = tokener;
        enum json_tokener_error error;
        json_object *o;
        int r;

        assert(ret);

        r = json_check(text, size, bounds, NULL);
        if (r < 0)
                return r;
        if (size > INT_MAX)
                return -E2BIG;

        if (t)
                json_tokener_reset(t);
        else {
                t = json_tokener_new_ex((int) bounds->depth + 1);
                if (!t)
                        return -ENOMEM;
        }

        /* json-c takes a bare number for unfinished until it sees what follows. */
        o = json_tokener_parse_ex(t, text, (int) size);
        error = json_tokener_get_error(t);
        if (error == json_tokener_continue) {
                o = json_tokener_parse_ex(t, "", 1);
                error = json_tokener_get_error(t);
        }
        if (!tokener)
                json_tokener_free(t);

        /* It refuses nothing that passed the check, except for want of memory or where the caller's own
         * tokener is too shallow. */
        if (error != json_tokener_success) {
                json_object_put(o);
                return error == json_tokener_error_depth ? -E2BIG : -ENOMEM;
        }

        *ret = o;
        return 0;
}

int json_object_check_output(json_object *o, unsigned depth) {
        int r;

        switch (json_object_get_type(o)) {

        case json_type_double:
                /* NaN compares false. What json_check() finds too large is not written either. */
                return fabs(json_object_get_double(o)) < 1e308 ? 0 : -ERANGE;

        case json_type_string: {
                const char *s = json_object_get_string(o);
                size_t n = (size_t) json_object_get_string_len(o);

                return !memchr(s, 0, n) && utf8_is_valid_n(s, n) ? 0 : -EILSEQ;
        }

        case json_type_array:
                if (depth == 0)
                        return -E2BIG;
                for (size_t i = 0, n = json_object_array_length(o); i < n; i++) {
                        r = json_object_check_output(json_object_array_get_idx(o, i), depth - 1);
                        if (r < 0)
                                return r;
                }
                return 0;

        case json_type_object:
                if (depth == 0)
                        return -E2BIG;
                json_object_object_foreach(o, key, value) {
                        if (!utf8_is_valid_n(key, strlen(key)))
                                return -EILSEQ;
                        r = json_object_check_output(value, depth - 1);
                        if (r < 0)
                                return r;
                }
                return 0;

        default:
                return 0;
        }
}
