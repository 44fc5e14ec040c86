/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Compares a program's output with the answer as contests do: token by token, where white space of any kind and
 * length separates tokens. Reads both as streams, in a fixed amount of memory, however large they are. */

#include "macro.h"

#define TOKEN_SAMPLE_MAX 40U

typedef struct TokenSample {
        char text[TOKEN_SAMPLE_MAX]; /* the first bytes of a token; not terminated */
        size_t size;
        bool end;                    /* there is no token any more */
} TokenSample;

typedef struct Difference {
        uint64_t token; /* counted from 1 */
        uint64_t line;  /* in the output, counted from 1: where the token is, or where the output ends */
        uint64_t column;
        TokenSample expected;
        TokenSample actual;
} Difference;

/* 1: the same; 0: ret says where the first difference is; negative: a file could not be read. Both are read from
 * the beginning. */
int compare_tokens(int expected_fd, int actual_fd, Difference *ret);
