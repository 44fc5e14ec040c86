/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json-check.h"
#include "utf8.h"

/* A key as it stands in the text, between its quotes. */
typedef struct Key {
        const char *text;
        uint32_t size;
        bool escaped;
} Key;

typedef struct Checker {
        const char *p, *end;
        size_t values_left;

        /* The keys of all objects that are open, the innermost's last. */
        Key *keys, inline_keys[32];
        size_t n_keys, n_keys_allocated;
} Checker;

static int unhex(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

/* The four digits of a \u escape, or -EBADMSG. */
static int32_t unhex4(const char *p, const char *end) {
        int32_t v = 0;

        if (end - p < 4)
                return -EBADMSG;

        for (size_t i = 0; i < 4; i++) {
                int d = unhex(p[i]);

                if (d < 0)
                        return -EBADMSG;
                v = v << 4 | d;
        }

        return v;
}

#define IS_HIGH_SURROGATE(c) (((c) & 0xfc00) == 0xd800)
#define IS_LOW_SURROGATE(c) (((c) & 0xfc00) == 0xdc00)

/* Reads one escape sequence, p at its backslash. */
static int check_escape(const char **p, const char *end) {
        const char *q = *p + 1;
        int32_t c, low;

        if (q >= end)
                return -EBADMSG;

        switch (*q++) {

        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
                *p = q;
                return 0;

        case 'u':
                break;

        default:
                return -EBADMSG;
        }

        c = unhex4(q, end);
        if (c < 0)
                return -EBADMSG;
        q += 4;

        if (c == 0 || IS_LOW_SURROGATE(c))
                return -EILSEQ;

        if (IS_HIGH_SURROGATE(c)) {
                if (end - q < 2 || q[0] != '\\' || q[1] != 'u')
                        return -EILSEQ;
                low = unhex4(q + 2, end);
                if (low < 0 || !IS_LOW_SURROGATE(low))
                        return -EILSEQ;
                q += 6;
        }

        *p = q;
        return 0;
}

/* Reads a string, c->p at its opening quote. */
static int check_string(Checker *c, Key *ret) {
        const char *start = c->p + 1, *p = start;
        bool escaped = false;
        int r;

        for (;;) {
                uint8_t b;

                if (p >= c->end) {
                        c->p = p;
                        return -EBADMSG;
                }

                b = (uint8_t) *p;
                if (b == '"')
                        break;

                if (b < 0x20) {
                        c->p = p;
                        return -EBADMSG;
                }

                if (b == '\\') {
                        escaped = true;
                        r = check_escape(&p, c->end);
                        if (r < 0) {
                                c->p = p;
                                return r;
                        }
                } else if (b < 0x80)
                        p++;
                else {
                        size_t n = utf8_sequence(p, (size_t) (c->end - p));

                        if (n == 0) {
                                c->p = p;
                                return -EILSEQ;
                        }
                        p += n;
                }
        }

        if (ret)
                *ret = (Key) { .text = start, .size = (uint32_t) (p - start), .escaped = escaped };

        c->p = p + 1;
        return 0;
}

static bool is_digit(const Checker *c) {
        return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

/* -ERANGE unless the digits, as an integer, are in json-c's range: it would clamp them silently. */
static int check_integer(const char *digits, size_t n, bool negative) {
        uint64_t v = 0;

        for (size_t i = 0; i < n; i++) {
                uint64_t digit = (uint64_t) (digits[i] - '0');

                if (__builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, digit, &v))
                        return -ERANGE;
        }

        return negative && v > (uint64_t) INT64_MAX + 1 ? -ERANGE : 0;
}

static int check_number(Checker *c) {
        const char *start, *digits;
        bool negative = false, integer = true;
        int64_t magnitude, exponent = 0;

        start = c->p;
        if (*c->p == '-') {
                negative = true;
                c->p++;
        }

        digits = c->p;
        while (is_digit(c))
                c->p++;
        magnitude = c->p - digits;
        if (magnitude == 0)
                return -EBADMSG;
        if (*digits == '0') {
                if (magnitude > 1) {
                        c->p = digits + 1;
                        return -EBADMSG;
                }
                magnitude = 0;
        }

        if (c->p < c->end && *c->p == '.') {
                integer = false;
                c->p++;
                if (!is_digit(c))
                        return -EBADMSG;
                while (is_digit(c))
                        c->p++;
        }

        if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
                bool minus = false;

                integer = false;
                c->p++;
                if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
                        minus = *c->p++ == '-';
                if (!is_digit(c))
                        return -EBADMSG;
                for (; is_digit(c); c->p++)
                        if (exponent < INT32_MAX)
                                exponent = exponent * 10 + (*c->p - '0');
                if (minus)
                        exponent = -exponent;
        }

        if (integer) {
                int r;

                r = check_integer(digits, (size_t) (c->p - digits), negative);
                if (r < 0)
                        c->p = start;
                return r;
        }

        /* Everything below 1e308 is a double. Judged by the digits before the point alone, so that
         * 0.0e400 is refused as well. */
        if (magnitude + exponent > 308) {
                c->p = start;
                return -ERANGE;
        }

        return 0;
}

/* The next byte of a key with escapes resolved, or -1 at its end. A character of several bytes is
 * delivered in pieces kept in `pending`. The key was checked before. */
typedef struct KeyReader {
        const char *p, *end;
        uint8_t pending[3];
        unsigned n_pending;
} KeyReader;

static int key_reader_next(KeyReader *k) {
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        uint32_t u;
        const char *f;

        if (k->n_pending > 0)
                return k->pending[--k->n_pending];
        if (k->p >= k->end)
                return -1;
        if (*k->p != '\\')
                return (uint8_t) *k->p++;

        k->p += 2;
        f = strchr(from, k->p[-1]);
        if (f)
                return to[f - from];
        if (k->p[-1] != 'u')
                return k->p[-1];

        u = (uint32_t) unhex4(k->p, k->end);
        k->p += 4;
        if (IS_HIGH_SURROGATE(u)) {
                u = 0x10000U + ((u & 0x3ffU) << 10) + ((uint32_t) unhex4(k->p + 2, k->end) & 0x3ffU);
                k->p += 6;
        }

        if (u < 0x80)
                return (int) u;

        k->pending[k->n_pending++] = (uint8_t) (0x80 | (u & 0x3f));
        if (u < 0x800)
                return (int) (0xc0 | u >> 6);

        k->pending[k->n_pending++] = (uint8_t) (0x80 | (u >> 6 & 0x3f));
        if (u < 0x10000)
                return (int) (0xe0 | u >> 12);

        k->pending[k->n_pending++] = (uint8_t) (0x80 | (u >> 12 & 0x3f));
        return (int) (0xf0 | u >> 18);
}

/* Orders keys by the bytes that they stand for. */
static int key_compare(const void *x, const void *y) {
        const Key *a = x, *b = y;

        if (!a->escaped && !b->escaped) {
                int r = memcmp(a->text, b->text, MIN(a->size, b->size));

                if (r != 0)
                        return r;
                return (a->size > b->size) - (a->size < b->size);
        }

        KeyReader p = { .p = a->text, .end = a->text + a->size };
        KeyReader q = { .p = b->text, .end = b->text + b->size };

        for (;;) {
                int m = key_reader_next(&p), n = key_reader_next(&q);

                if (m != n)
                        return m < n ? -1 : 1;
                if (m < 0)
                        return 0;
        }
}

static int checker_push_key(Checker *c, const Key *k) {
        if (c->n_keys >= c->n_keys_allocated) {
                size_t n = c->n_keys_allocated * 2;
                Key *grown;

                grown = reallocarray(c->keys != c->inline_keys ? c->keys : NULL, n, sizeof(Key));
                if (!grown)
                        return -ENOMEM;
                if (c->keys == c->inline_keys)
                        memcpy(grown, c->inline_keys, sizeof(c->inline_keys));

                c->keys = grown;
                c->n_keys_allocated = n;
        }

        c->keys[c->n_keys++] = *k;
        return 0;
}

/* Takes the keys of the innermost object off the stack. On failure c->p is at the key's second occurrence,
 * or at one of them. */
static int checker_pop_keys(Checker *c, size_t first) {
        Key *keys = c->keys + first;
        size_t n = c->n_keys - first;

        c->n_keys = first;

        /* Few keys, the usual case: not worth sorting. Many: never in quadratic time. */
        if (n <= 8) {
                for (size_t i = 1; i < n; i++)
                        for (size_t j = 0; j < i; j++)
                                if (key_compare(keys + i, keys + j) == 0) {
                                        c->p = keys[i].text;
                                        return -ENOTUNIQ;
                                }
                return 0;
        }

        qsort(keys, n, sizeof(Key), key_compare);
        for (size_t i = 1; i < n; i++)
                if (key_compare(keys + i - 1, keys + i) == 0) {
                        c->p = MAX(keys[i - 1].text, keys[i].text);
                        return -ENOTUNIQ;
                }

        return 0;
}

static void skip_blanks(Checker *c) {
        while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
                c->p++;
}

static int check_word(Checker *c, const char *word) {
        size_t n = strlen(word);

        if ((size_t) (c->end - c->p) < n || memcmp(c->p, word, n) != 0)
                return -EBADMSG;

        c->p += n;
        return 0;
}

static int check_key(Checker *c) {
        Key k;
        int r;

        skip_blanks(c);
        if (c->p >= c->end || *c->p != '"')
                return -EBADMSG;
        r = check_string(c, &k);
        if (r < 0)
                return r;

        skip_blanks(c);
        if (c->p >= c->end || *c->p != ':')
                return -EBADMSG;
        c->p++;

        return checker_push_key(c, &k);
}

static int check_scalar(Checker *c) {
        switch (*c->p) {

        case '"':
                return check_string(c, NULL);
        case 't':
                return check_word(c, "true");
        case 'f':
                return check_word(c, "false");
        case 'n':
                return check_word(c, "null");
        case '-':
        case '0' ... '9':
                return check_number(c);
        default:
                return -EBADMSG;
        }
}

static int check_text(Checker *c, unsigned depth_max) {
        struct {
                size_t first_key;
                bool is_object;
        } stack[JSON_CHECK_DEPTH_MAX];
        unsigned depth = 0;
        int r;

        for (;;) {
                /* Here a value begins. */
                skip_blanks(c);
                if (c->p >= c->end)
                        return -EBADMSG;
                if (c->values_left-- == 0)
                        return -E2BIG;

                if (*c->p == '{' || *c->p == '[') {
                        bool is_object = *c->p == '{';

                        if (depth >= depth_max)
                                return -E2BIG;
                        c->p++;

                        skip_blanks(c);
                        if (c->p < c->end && *c->p == (is_object ? '}' : ']'))
                                c->p++;
                        else {
                                stack[depth].first_key = c->n_keys;
                                stack[depth].is_object = is_object;
                                depth++;

                                if (is_object) {
                                        r = check_key(c);
                                        if (r < 0)
                                                return r;
                                }
                                continue;
                        }
                } else {
                        r = check_scalar(c);
                        if (r < 0)
                                return r;
                }

                /* Here a value has ended, and with it perhaps what it is the last of. */
                for (;;) {
                        bool is_object;

                        skip_blanks(c);
                        if (depth == 0)
                                return c->p == c->end ? 0 : -EBADMSG;
                        if (c->p >= c->end)
                                return -EBADMSG;

                        is_object = stack[depth - 1].is_object;
                        if (*c->p == ',') {
                                c->p++;
                                if (is_object) {
                                        r = check_key(c);
                                        if (r < 0)
                                                return r;
                                }
                                break;
                        }

                        if (*c->p != (is_object ? '}' : ']'))
                                return -EBADMSG;
                        if (is_object) {
                                r = checker_pop_keys(c, stack[depth - 1].first_key);
                                if (r < 0)
                                        return r;
                        }
                        c->p++;
                        depth--;
                }
        }
}

int json_check(const char *text, size_t size, const JsonBounds *bounds, size_t *error_offset) {
        Checker c = {
                .p = text,
                .end = text + size,
                .values_left = bounds->n_values,
                .n_keys_allocated = ELEMENTSOF(c.inline_keys),
        };
        int r;

        assert(text || size == 0);
        assert(bounds->depth <= JSON_CHECK_DEPTH_MAX);

        if (size > UINT32_MAX)
                return -E2BIG;

        c.keys = c.inline_keys;
        r = check_text(&c, bounds->depth);
        if (r < 0 && error_offset)
                *error_offset = (size_t) (c.p - text);

        if (c.keys != c.inline_keys)
                free(c.keys);
        return r;
}
