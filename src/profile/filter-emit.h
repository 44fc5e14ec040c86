/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes a classic BPF program from its end to its beginning. All its jumps are forward, so that what an
 * instruction jumps to is there, and its distance known, when the instruction is written. */

#include <linux/filter.h>

#include "macro.h"

/* An instruction, counted from the end of the program. Negative: an error, which everything passes on. */
typedef int Label;

#define EMIT_RETURNS_MAX 32U

typedef struct Emitter {
        struct sock_filter *instructions; /* the last first */
        size_t n, max;
        /* Where each value was last returned, so that a program has few returns. */
        struct {
                uint32_t value;
                Label label;
        } returns[EMIT_RETURNS_MAX];
        size_t n_returns;
} Emitter;

int emitter_init(Emitter *e, size_t max);
void emitter_done(Emitter *e);

/* Each gives the label of what it wrote, or of what was there already, or -E2BIG. */
Label emit_return(Emitter *e, uint32_t value);
Label emit_jump(Emitter *e, uint16_t compare, uint32_t k, Label yes, Label no);

/* Then goes on at `next`. */
Label emit_statement(Emitter *e, uint16_t code, uint32_t k, Label next);

/* Copies the program out, which begins at `start`. Returns 0, -E2BIG or -ENOMEM. */
int emit_finish(Emitter *e, Label start, struct sock_filter **ret, size_t *ret_n);
