/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From rules to a program.
 *
 * libseccomp writes one comparison after another, or with its binary tree a comparison for each call; both take
 * several times as long to load as this does, and a filter is loaded for every run. Most profiles decide the same for
 * long stretches of numbers, so the numbers are cut into ranges and the range is found by binary search. Calls that
 * depend on their arguments are ranges of their own, whose leaf compares the arguments. Up to the leaf only the
 * architecture and the number are read: for what is always allowed the kernel (since 5.11) then need not run the
 * filter at all. */

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "filter-emit.h"
#include "path-call.h"
#include "profile-internal.h"

#define X32_BIT UINT32_C(0x40000000)

#define OFFSET(field) ((uint32_t) offsetof(struct seccomp_data, field))
#define LOAD (BPF_LD | BPF_W | BPF_ABS)

/* Numbers from `first` to the next range's. */
typedef struct Range {
        uint32_t first;
        const ProfileRule *rules; /* those of one call, or NULL: `answer` */
        size_t n_rules;
        uint32_t answer;
} Range;

typedef struct Compiler {
        const Profile *profile;
        ProfileFlags flags;
        Range *ranges;
        size_t n_ranges;
        Emitter emitter;
} Compiler;

static void compiler_done(Compiler *c) {
        free(c->ranges);
        emitter_done(&c->emitter);
}

/* What a call of this machine's architecture gets. */
static uint32_t answer(const Compiler *c, uint32_t nr, Action a) {
        if ((c->flags & PROFILE_TRACE) && IN_SET(a.type, ACTION_ALLOW, ACTION_LOG) && path_call_find((int) nr))
                return SECCOMP_RET_USER_NOTIF | FILTER_NOTICE_TRACE;

        return action_to_return(a);
}

/* Ranges come in order; one that says what the last one says is part of it. */
static void add_range(Compiler *c, Range range) {
        const Range *last = c->n_ranges > 0 ? c->ranges + c->n_ranges - 1 : NULL;

        if (last && !last->rules && !range.rules && last->answer == range.answer)
                return;

        c->ranges[c->n_ranges++] = range;
}

static uint32_t number_end(const Profile *p) {
        const PathCall *calls;
        uint32_t end = 0;
        size_t n;

        if (p->n_rules > 0)
                end = p->rules[p->n_rules - 1].nr + 1;

        calls = path_call_table(&n);
        for (size_t i = 0; i < n; i++)
                end = MAX(end, (uint32_t) calls[i].number + 1);

        return end;
}

static int find_ranges(Compiler *c) {
        const Profile *p = c->profile;
        uint32_t otherwise = action_to_return(p->default_action), end = number_end(p);
        size_t k = 0;

        c->ranges = new(Range, (size_t) end + 3);
        if (!c->ranges)
                return -ENOMEM;

        for (uint32_t nr = 0; nr < end; nr++) {
                Range range = { .first = nr };
                size_t begin = k;

                while (k < p->n_rules && p->rules[k].nr == nr)
                        k++;
                if (k > begin) {
                        range.rules = p->rules + begin;
                        range.n_rules = k - begin;
                }

                if (range.n_rules == 0 || range.rules->n_conditions == 0) {
                        range.answer = answer(c, nr, range.n_rules > 0 ? range.rules->action : p->default_action);
                        range.rules = NULL;
                }

                add_range(c, range);
        }

        add_range(c, (Range) { .first = end, .answer = otherwise });

        /* x32 comes under x86-64's name, with a bit in the number. Beyond it is nothing but -1, which is nobody's. */
        if (seccomp_arch_native() == SCMP_ARCH_X86_64) {
                add_range(c, (Range) { .first = X32_BIT, .answer = action_to_return(p->foreign_action) });
                add_range(c, (Range) { .first = UINT32_MAX, .answer = otherwise });
        }

        return 0;
}

/* The argument's halves, as the kernel lays them out. */
static uint32_t low_offset(unsigned argument) {
        return OFFSET(args[argument]) + (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0);
}

static uint32_t high_offset(unsigned argument) {
        return OFFSET(args[argument]) + (__BYTE_ORDER == __BIG_ENDIAN ? 0 : 4);
}

static Label emit_masked(Compiler *c, const Condition *k, Label yes, Label no) {
        Emitter *e = &c->emitter;
        uint32_t masks[] = { (uint32_t) k->value, (uint32_t) (k->value >> 32) };
        uint32_t wanted[] = { (uint32_t) k->value2, (uint32_t) (k->value2 >> 32) };
        uint32_t offsets[] = { low_offset(k->argument), high_offset(k->argument) };

        for (size_t i = 0; i < ELEMENTSOF(masks); i++) {
                if (masks[i] == 0)
                        continue;

                yes = emit_jump(e, BPF_JEQ, wanted[i], yes, no);
                if (masks[i] != UINT32_MAX)
                        yes = emit_statement(e, BPF_ALU | BPF_AND | BPF_K, masks[i], yes);
                yes = emit_statement(e, LOAD, offsets[i], yes);
        }

        return yes;
}

/* The high halves decide unless they are equal: `compare` says whether the argument is above the value, or, with
 * BPF_JGE, not below it. */
static Label emit_above(Compiler *c, uint16_t compare, const Condition *k, Label yes, Label no) {
        Emitter *e = &c->emitter;
        uint32_t high = (uint32_t) (k->value >> 32), low = (uint32_t) k->value;
        Label next;

        next = emit_jump(e, compare, low, yes, no);
        next = emit_statement(e, LOAD, low_offset(k->argument), next);
        next = emit_jump(e, BPF_JEQ, high, next, no);
        next = emit_jump(e, BPF_JGT, high, yes, next);
        return emit_statement(e, LOAD, high_offset(k->argument), next);
}

static Label emit_condition(Compiler *c, const Condition *k, Label yes, Label no) {
        Condition equal = { .argument = k->argument, .value = UINT64_MAX, .value2 = k->value };

        switch (k->compare) {
        case COMPARE_NE:
                return emit_masked(c, &equal, no, yes);
        case COMPARE_EQ:
                return emit_masked(c, &equal, yes, no);
        case COMPARE_MASKED_EQ:
                return emit_masked(c, k, yes, no);
        case COMPARE_LT:
                return emit_above(c, BPF_JGE, k, no, yes);
        case COMPARE_LE:
                return emit_above(c, BPF_JGT, k, no, yes);
        case COMPARE_GE:
                return emit_above(c, BPF_JGE, k, yes, no);
        case COMPARE_GT:
                return emit_above(c, BPF_JGT, k, yes, no);
        default:
                assert(false);
                return -EINVAL;
        }
}

/* The first of the rules that matches, in the order in which they are sorted. */
static Label emit_rules(Compiler *c, const Range *range) {
        uint32_t nr = range->rules->nr;
        Label label = emit_return(&c->emitter, answer(c, nr, c->profile->default_action));

        for (size_t i = range->n_rules; i > 0; i--) {
                const ProfileRule *rule = range->rules + i - 1;
                Label no = label;

                label = emit_return(&c->emitter, answer(c, nr, rule->action));
                for (size_t k = rule->n_conditions; k > 0; k--)
                        label = emit_condition(c, rule->conditions + k - 1, label, no);
        }

        return label;
}

static Label emit_tree(Compiler *c, const Range *ranges, size_t n) {
        Label below, from;

        if (n == 1)
                return ranges->rules ? emit_rules(c, ranges) : emit_return(&c->emitter, ranges->answer);

        from = emit_tree(c, ranges + n / 2, n - n / 2);
        below = emit_tree(c, ranges, n / 2);
        return emit_jump(&c->emitter, BPF_JGE, ranges[n / 2].first, from, below);
}

static Label emit_program(Compiler *c) {
        Emitter *e = &c->emitter;
        Label foreign, native;

        native = emit_tree(c, c->ranges, c->n_ranges);
        foreign = emit_return(e, action_to_return(c->profile->foreign_action));
        if (native == foreign)
                return native; /* whatever is called */

        /* SCMP_ARCH_* of what is no x32 are AUDIT_ARCH_*. */
        native = emit_statement(e, LOAD, OFFSET(nr), native);
        native = emit_jump(e, BPF_JEQ, seccomp_arch_native(), native, foreign);
        return emit_statement(e, LOAD, OFFSET(arch), native);
}

static bool can_return(const ProfileProgram *p, uint32_t action) {
        for (size_t i = 0; i < p->n; i++)
                if (p->filter[i].code == (BPF_RET | BPF_K) && (p->filter[i].k & SECCOMP_RET_ACTION_FULL) == action)
                        return true;

        return false;
}

int profile_compile(const Profile *p, ProfileFlags flags, ProfileProgram *ret) {
        _cleanup_(compiler_done) Compiler c = { .profile = p, .flags = flags };
        ProfileProgram program = PROFILE_PROGRAM_NULL;
        int r;

        assert(p);
        assert(ret);

        r = emitter_init(&c.emitter, PROFILE_PROGRAM_MAX);
        if (r >= 0)
                r = find_ranges(&c);
        if (r >= 0)
                r = emit_finish(&c.emitter, emit_program(&c), &program.filter, &program.n);
        if (r < 0)
                return r;

        program.notifies = can_return(&program, SECCOMP_RET_USER_NOTIF);
        program.allows_all = program.n == 1 && can_return(&program, SECCOMP_RET_ALLOW);
        *ret = program;
        return 0;
}
