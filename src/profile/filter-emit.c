/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter-emit.h"

int emitter_init(Emitter *e, size_t max) {
        assert(e);

        *e = (Emitter) { .max = max };
        e->instructions = new(struct sock_filter, max);
        return e->instructions ? 0 : -ENOMEM;
}

void emitter_done(Emitter *e) {
        e->instructions = mfree(e->instructions);
}

static Label emit(Emitter *e, struct sock_filter instruction) {
        if (e->n >= e->max)
                return -E2BIG;

        e->instructions[e->n] = instruction;
        return (Label) e->n++;
}

Label emit_return(Emitter *e, uint32_t value) {
        Label label;
        size_t i;

        for (i = 0; i < e->n_returns; i++)
                if (e->returns[i].value == value)
                        return e->returns[i].label;

        label = emit(e, (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, value));
        if (label >= 0 && i < EMIT_RETURNS_MAX) {
                e->returns[i].value = value;
                e->returns[i].label = label;
                e->n_returns++;
        }
        return label;
}

/* How many instructions the next one to be written would have to skip. */
static uint32_t distance(const Emitter *e, Label label) {
        return (uint32_t) e->n - (uint32_t) label - 1;
}

/* Something within reach of a jump that does the same: a copy of the return, or a jump of unlimited reach. */
static Label come_near(Emitter *e, Label label, uint32_t reach) {
        struct sock_filter target;
        Label near;

        if (label < 0 || distance(e, label) <= reach)
                return label;

        target = e->instructions[label];
        if (BPF_CLASS(target.code) != BPF_RET)
                return emit(e, (struct sock_filter) BPF_STMT(BPF_JMP | BPF_JA, distance(e, label)));

        near = emit(e, target);
        for (size_t i = 0; i < e->n_returns && near >= 0; i++)
                if (e->returns[i].value == target.k)
                        e->returns[i].label = near;

        return near;
}

Label emit_jump(Emitter *e, uint16_t compare, uint32_t k, Label yes, Label no) {
        /* The second may put one more instruction between. */
        const uint32_t reach = UINT8_MAX - 1;

        yes = come_near(e, yes, reach);
        no = come_near(e, no, reach);
        if (yes < 0)
                return yes;
        if (no < 0 || yes == no)
                return no;

        return emit(e, (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_K | compare, k, (uint8_t) distance(e, yes),
                                                     (uint8_t) distance(e, no)));
}

Label emit_statement(Emitter *e, uint16_t code, uint32_t k, Label next) {
        next = come_near(e, next, 0);
        return next < 0 ? next : emit(e, (struct sock_filter) BPF_STMT(code, k));
}

int emit_finish(Emitter *e, Label start, struct sock_filter **ret, size_t *ret_n) {
        struct sock_filter *filter;

        start = come_near(e, start, 0);
        if (start < 0)
                return start;

        filter = new(struct sock_filter, e->n);
        if (!filter)
                return -ENOMEM;
        for (size_t i = 0; i < e->n; i++)
                filter[i] = e->instructions[e->n - 1 - i];

        *ret = filter;
        *ret_n = e->n;
        return 0;
}
