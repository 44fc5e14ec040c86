/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "utf8.h"

size_t utf8_sequence(const char *s, size_t n) {
        const uint8_t *p = (const uint8_t *) s;
        size_t size;

        assert(n > 0);

        if (p[0] < 0x80)
                return 1;

        if (p[0] >= 0xc2 && p[0] <= 0xdf)
                size = 2;
        else if ((p[0] & 0xf0) == 0xe0)
                size = 3;
        else if (p[0] >= 0xf0 && p[0] <= 0xf4)
                size = 4;
        else
                return 0;

        if (n < size)
                return 0;
        for (size_t i = 1; i < size; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;

        /* These ranges of the second byte would be overlong, surrogates or above U+10FFFF. */
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
            (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
                return 0;

        return size;
}

bool utf8_is_valid_n(const char *s, size_t n) {
        for (size_t i = 0; i < n;) {
                size_t k = utf8_sequence(s + i, n - i);

                if (k == 0)
                        return false;
                i += k;
        }

        return true;
}

void utf8_mask(char *s) {
        for (size_t n = strlen(s); n > 0;) {
                size_t k = utf8_sequence(s, n);

                if (k == 0) {
                        *s = '?';
                        k = 1;
                }
                s += k;
                n -= k;
        }
}
