/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What all targets share. A target is one function that takes bytes from nobody knows whom; libFuzzer's main() calls
 * it with what it makes up, replay.c with the files of a corpus. It may leave nothing behind: no memory, no
 * descriptor, no state that the next input would see. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "macro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is: if it does not, the input is a finding. Unlike assert() it is there in every
 * kind of build. */
#define fuzz_assert(expr)                                                                       \
        do {                                                                                    \
                if (!(expr)) {                                                                  \
                        fprintf(stderr, "%s:%i: does not hold: %s\n", __FILE__, __LINE__, #expr); \
                        abort();                                                                \
                }                                                                               \
        } while (false)

/* An input that is taken apart from its front. Where there is no more, zeros come. */
typedef struct FuzzInput {
        const uint8_t *data;
        size_t size;
} FuzzInput;

static inline uint8_t fuzz_take_byte(FuzzInput *i) {
        if (i->size == 0)
                return 0;

        i->size--;
        return *i->data++;
}

/* What comes before the next zero byte, which is dropped; all if there is none. NUL-terminated, the caller's. */
static inline char *fuzz_take_string(FuzzInput *i, size_t *ret_size) {
        size_t n = i->size > 0 ? strnlen((const char *) i->data, i->size) : 0;
        char *s = new(char, n + 1);

        fuzz_assert(s);
        if (n > 0)
                memcpy(s, i->data, n);
        s[n] = '\0';

        i->data += MIN(n + 1, i->size);
        i->size -= MIN(n + 1, i->size);
        if (ret_size)
                *ret_size = n;
        return s;
}

/* How many descriptors are open, of the first that there can be. If it is the same before and after, none was left. */
static inline unsigned fuzz_count_fds(void) {
        struct pollfd fds[128];
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = (struct pollfd) { .fd = (int) i };
        fuzz_assert(poll(fds, ELEMENTSOF(fds), 0) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                n += !(fds[i].revents & POLLNVAL);
        return n;
}
