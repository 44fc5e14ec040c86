/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "string-util.h"

char *strprintf(const char *format, ...) {
        char *s = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);

        return r < 0 ? NULL : s;
}

int free_and_strdup(char **p, const char *s) {
        char *copy = NULL;

        assert(p);

        if (s) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
        }

        free(*p);
        *p = copy;
        return 0;
}

char **strv_free(char **l) {
        STRV_FOREACH(s, l)
                free(*s);

        return mfree(l);
}

size_t strv_length(char *const *l) {
        size_t n = 0;

        while (l && l[n])
                n++;

        return n;
}

char **strv_copy(char *const *l) {
        _cleanup_strv_free_ char **copy = NULL;
        size_t n = strv_length(l);

        copy = new0(char *, n + 1);
        if (!copy)
                return NULL;

        for (size_t i = 0; i < n; i++) {
                copy[i] = strdup(l[i]);
                if (!copy[i])
                        return NULL;
        }

        return TAKE_PTR(copy);
}

bool strv_contains(char *const *l, const char *s) {
        STRV_FOREACH(i, l)
                if (streq(*i, s))
                        return true;

        return false;
}

int strv_consume(char ***l, char *value) {
        _cleanup_free_ char *v = value;
        char **grown;
        size_t n;

        assert(l);

        if (!v)
                return -ENOMEM;

        n = strv_length(*l);
        grown = reallocarray(*l, n + 2, sizeof(char *));
        if (!grown)
                return -ENOMEM;

        grown[n] = TAKE_PTR(v);
        grown[n + 1] = NULL;
        *l = grown;
        return 0;
}

int strv_extend(char ***l, const char *value) {
        assert(value);

        return strv_consume(l, strdup(value));
}

int strv_extendf(char ***l, const char *format, ...) {
        char *s = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);

        return r < 0 ? -ENOMEM : strv_consume(l, s);
}

int strv_split(const char *s, const char *separators, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        int r;

        assert(s);
        assert(separators);
        assert(ret);

        for (;;) {
                size_t n = strcspn(s, separators);

                r = strv_consume(&l, strndup(s, n));
                if (r < 0)
                        return r;

                if (!s[n])
                        break;

                s += n + 1;
        }

        *ret = TAKE_PTR(l);
        return 0;
}

char *strv_join(char *const *l, const char *separator) {
        size_t n = 1, k = strlen(separator);
        char *joined, *p;

        for (char *const *s = l; s && *s; s++)
                n += strlen(*s) + (s != l ? k : 0);

        joined = p = new(char, n);
        if (!joined)
                return NULL;

        for (char *const *s = l; s && *s; s++)
                p = stpcpy(s != l ? stpcpy(p, separator) : p, *s);

        *p = '\0';
        return joined;
}
