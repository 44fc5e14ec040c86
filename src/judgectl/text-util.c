/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "string-util.h"
#include "text-util.h"
#include "utf8.h"

/* Whether a terminal shows this character rather than obeying it; "\xc2\x80" to "\xc2\x9f" are the controls of
 * ISO 6429 in UTF-8. */
static bool is_printable(const char *s, size_t n, bool keep_lines) {
        const unsigned char *p = (const unsigned char *) s;

        if (n == 1)
                return (p[0] >= 0x20 && p[0] != 0x7f) || (keep_lines && IN_SET(p[0], '\n', '\t'));

        return p[0] != 0xc2 || p[1] >= 0xa0;
}

char *text_escape(const char *s, size_t size, bool keep_lines) {
        static const char hex[] = "0123456789abcdef";
        char *buf, *p;

        /* "\xNN" is four times a byte. */
        buf = p = new(char, size * 4 + 1);
        if (!buf)
                return NULL;

        while (size > 0) {
                size_t n = utf8_sequence(s, size);

                if (n > 0 && is_printable(s, n, keep_lines))
                        p = mempcpy(p, s, n);
                else {
                        n = MAX(n, (size_t) 1);
                        for (size_t i = 0; i < n; i++) {
                                *p++ = '\\';
                                *p++ = 'x';
                                *p++ = hex[(unsigned char) s[i] >> 4];
                                *p++ = hex[(unsigned char) s[i] & 15];
                        }
                }

                s += n;
                size -= n;
        }

        *p = '\0';
        return buf;
}

size_t text_width(const char *s) {
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char) *s & 0xc0) != 0x80;

        return n;
}

int text_compare_natural(const char *a, const char *b) {
        const char *x = a, *y = b;

        while (*x && *y) {
                if (isdigit((unsigned char) *x) && isdigit((unsigned char) *y)) {
                        size_t n, m;
                        int r;

                        x += strspn(x, "0");
                        y += strspn(y, "0");
                        n = strspn(x, "0123456789");
                        m = strspn(y, "0123456789");

                        /* Without leading zeros the longer number is the larger one. */
                        if (n != m)
                                return n < m ? -1 : 1;
                        r = memcmp(x, y, n);
                        if (r != 0)
                                return r;

                        x += n;
                        y += n;
                        continue;
                }

                if (*x != *y)
                        return (unsigned char) *x < (unsigned char) *y ? -1 : 1;

                x++;
                y++;
        }

        if (*x || *y)
                return *x ? 1 : -1;

        /* "01" and "1" are equal as numbers: some order has to be the order. */
        return strcmp(a, b);
}

int text_split_colons(const char *s, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        _cleanup_free_ char *piece = NULL;
        size_t n = 0;
        int r;

        assert(s);
        assert(ret);

        piece = new(char, strlen(s) + 1);
        if (!piece)
                return -ENOMEM;

        for (;; s++) {
                if (IN_SET(*s, ':', '\0')) {
                        r = strv_consume(&l, strndup(piece, n));
                        if (r < 0)
                                return r;
                        if (!*s)
                                break;
                        n = 0;
                        continue;
                }

                if (*s == '\\') {
                        s++;
                        if (!IN_SET(*s, ':', '\\'))
                                return -EINVAL;
                }

                piece[n++] = *s;
        }

        *ret = TAKE_PTR(l);
        return 0;
}

const char *path_last_component(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}
