/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base64.h"

char *base64_encode(const char *s, size_t n) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char *buf, *p;

        assert(s || n == 0);

        p = buf = new(char, (n + 2) / 3 * 4 + 1);
        if (!buf)
                return NULL;

        for (size_t i = 0; i < n; i += 3) {
                uint32_t v = 0;

                for (size_t k = 0; k < 3; k++)
                        v = v << 8 | (i + k < n ? (uint8_t) s[i + k] : 0);
                for (size_t k = 0; k < 4; k++)
                        *p++ = i + k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
        }

        *p = '\0';
        return buf;
}

static int base64_digit(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;

        return c == '+' ? 62 : c == '/' ? 63 : -EBADMSG;
}

int base64_decode(const char *s, char **ret, size_t *ret_size) {
        _cleanup_free_ char *buf = NULL;
        size_t length = strlen(s), n = 0;

        assert(ret);
        assert(ret_size);

        if (length % 4 != 0)
                return -EBADMSG;

        buf = new(char, length / 4 * 3 + 1);
        if (!buf)
                return -ENOMEM;

        for (size_t i = 0; i < length; i += 4) {
                /* Padding is at the end only, and at most two. */
                size_t padding = 0;
                uint32_t v = 0;

                if (i + 4 == length && s[i + 3] == '=')
                        padding = s[i + 2] == '=' ? 2 : 1;

                for (size_t k = 0; k < 4; k++) {
                        int d = k < 4 - padding ? base64_digit(s[i + k]) : 0;

                        if (d < 0)
                                return d;
                        v = v << 6 | (uint32_t) d;
                }

                for (size_t k = 0; k < 3 - padding; k++)
                        buf[n++] = (char) (v >> (16 - 8 * k));
        }

        buf[n] = '\0';
        *ret = TAKE_PTR(buf);
        *ret_size = n;
        return 0;
}
