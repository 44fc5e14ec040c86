/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "compare.h"
#include "fd-util.h"

typedef struct Reader {
        int fd;
        off_t offset;
        size_t start, end;
        bool eof;
        uint64_t line, column; /* of the next byte */
        char buffer[65536];
} Reader;

/* The next byte without taking it, or -ENODATA at the end. */
static int reader_peek(Reader *r) {
        if (r->start >= r->end) {
                ssize_t n;

                if (r->eof)
                        return -ENODATA;

                do
                        n = pread(r->fd, r->buffer, sizeof(r->buffer), r->offset);
                while (n < 0 && errno == EINTR);
                if (n < 0)
                        return -errno;
                if (n == 0) {
                        r->eof = true;
                        return -ENODATA;
                }

                r->offset += n;
                r->start = 0;
                r->end = (size_t) n;
        }

        return (unsigned char) r->buffer[r->start];
}

static void reader_take(Reader *r) {
        if (r->buffer[r->start++] == '\n') {
                r->line++;
                r->column = 1;
        } else
                r->column++;
}

/* isspace() of the C locale, whichever is set. */
static bool is_space(int c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
}

/* 1: at the beginning of a token; 0: there is none any more. */
static int reader_skip_space(Reader *r) {
        for (;;) {
                int c = reader_peek(r);

                if (c == -ENODATA)
                        return 0;
                if (c < 0)
                        return c;
                if (!is_space(c))
                        return 1;
                reader_take(r);
        }
}

/* The next byte of the token, or -ENODATA at its end. */
static int reader_next(Reader *r) {
        int c = reader_peek(r);

        if (c < 0)
                return c;
        if (is_space(c))
                return -ENODATA;

        reader_take(r);
        return c;
}

static void sample_add(TokenSample *s, int c) {
        if (c >= 0 && s->size < sizeof(s->text))
                s->text[s->size++] = (char) c;
}

/* For the message: what is left of the token, as far as it is shown. */
static int sample_finish(TokenSample *s, Reader *r, int last) {
        sample_add(s, last);
        while (last >= 0 && s->size < sizeof(s->text)) {
                last = reader_next(r);
                if (last < 0 && last != -ENODATA)
                        return last;
                sample_add(s, last);
        }

        return 0;
}

static int compare(Reader *expected, Reader *actual, Difference *ret) {
        for (uint64_t token = 1;; token++) {
                Difference d = { .token = token };
                int x, y, r;

                x = reader_skip_space(expected);
                if (x < 0)
                        return x;
                y = reader_skip_space(actual);
                if (y < 0)
                        return y;
                if (x == 0 && y == 0)
                        return 1;

                d.line = actual->line;
                d.column = actual->column;
                d.expected.end = x == 0;
                d.actual.end = y == 0;

                do {
                        x = d.expected.end ? -ENODATA : reader_next(expected);
                        if (x < 0 && x != -ENODATA)
                                return x;
                        y = d.actual.end ? -ENODATA : reader_next(actual);
                        if (y < 0 && y != -ENODATA)
                                return y;

                        if (x != y) {
                                r = sample_finish(&d.expected, expected, x);
                                if (r >= 0)
                                        r = sample_finish(&d.actual, actual, y);
                                if (r < 0)
                                        return r;

                                *ret = d;
                                return 0;
                        }

                        sample_add(&d.expected, x);
                        sample_add(&d.actual, y);
                } while (x >= 0);
        }
}

int compare_tokens(int expected_fd, int actual_fd, Difference *ret) {
        _cleanup_free_ Reader *expected = NULL, *actual = NULL;

        assert(expected_fd >= 0);
        assert(actual_fd >= 0);
        assert(ret);

        expected = new0(Reader, 1);
        actual = new0(Reader, 1);
        if (!expected || !actual)
                return -ENOMEM;

        expected->fd = expected_fd;
        actual->fd = actual_fd;
        expected->line = expected->column = actual->line = actual->column = 1;

        return compare(expected, actual, ret);
}
