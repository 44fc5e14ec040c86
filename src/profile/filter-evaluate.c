/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter-evaluate.h"

typedef struct Machine {
        uint32_t accumulator, index;
        uint32_t memory[BPF_MEMWORDS];
} Machine;

static bool load_data(const struct seccomp_data *call, uint32_t offset, uint32_t *ret) {
        if (offset % sizeof(uint32_t) != 0 || offset >= sizeof(*call))
                return false;

        memcpy(ret, (const uint8_t *) call + offset, sizeof(*ret));
        return true;
}

static bool calculate(uint16_t operation, uint32_t operand, uint32_t *accumulator) {
        uint32_t a = *accumulator;

        switch (operation) {
        case BPF_ADD:
                a += operand;
                break;
        case BPF_SUB:
                a -= operand;
                break;
        case BPF_MUL:
                a *= operand;
                break;
        case BPF_DIV:
                if (operand == 0)
                        return false;
                a /= operand;
                break;
        case BPF_AND:
                a &= operand;
                break;
        case BPF_OR:
                a |= operand;
                break;
        case BPF_XOR:
                a ^= operand;
                break;
        case BPF_LSH:
                if (operand >= 32)
                        return false;
                a <<= operand;
                break;
        case BPF_RSH:
                if (operand >= 32)
                        return false;
                a >>= operand;
                break;
        case BPF_NEG:
                a = -a;
                break;
        default:
                return false;
        }

        *accumulator = a;
        return true;
}

/* How far to jump. */
static bool jump(const struct sock_filter *f, const Machine *m, uint32_t *ret) {
        uint32_t operand = BPF_SRC(f->code) == BPF_X ? m->index : f->k;
        bool taken;

        switch (BPF_OP(f->code)) {
        case BPF_JA:
                *ret = f->k;
                return true;
        case BPF_JEQ:
                taken = m->accumulator == operand;
                break;
        case BPF_JGT:
                taken = m->accumulator > operand;
                break;
        case BPF_JGE:
                taken = m->accumulator >= operand;
                break;
        case BPF_JSET:
                taken = m->accumulator & operand;
                break;
        default:
                return false;
        }

        *ret = taken ? f->jt : f->jf;
        return true;
}

/* LD and LDX: the word to load. */
static bool load(const struct sock_filter *f, const Machine *m, const struct seccomp_data *call, uint32_t *ret) {
        if (BPF_MODE(f->code) == BPF_IMM)
                *ret = f->k;
        else if (BPF_MODE(f->code) == BPF_LEN)
                *ret = sizeof(*call);
        else if (BPF_MODE(f->code) == BPF_MEM && f->k < BPF_MEMWORDS)
                *ret = m->memory[f->k];
        else
                return f->code == (BPF_LD | BPF_W | BPF_ABS) && load_data(call, f->k, ret);

        return true;
}

/* All but jumps and returns. */
static bool step(const struct sock_filter *f, const struct seccomp_data *call, Machine *m) {
        switch (BPF_CLASS(f->code)) {
        case BPF_LD:
                return load(f, m, call, &m->accumulator);
        case BPF_LDX:
                return load(f, m, call, &m->index);
        case BPF_ST:
        case BPF_STX:
                if (f->k >= BPF_MEMWORDS)
                        return false;
                m->memory[f->k] = BPF_CLASS(f->code) == BPF_ST ? m->accumulator : m->index;
                return true;
        case BPF_ALU:
                return calculate(BPF_OP(f->code), BPF_SRC(f->code) == BPF_X ? m->index : f->k, &m->accumulator);
        case BPF_MISC:
                if (BPF_MISCOP(f->code) == BPF_TAX)
                        m->index = m->accumulator;
                else
                        m->accumulator = m->index;
                return true;
        default:
                return false;
        }
}

uint32_t filter_evaluate(const struct sock_filter *filter, size_t n, const struct seccomp_data *call) {
        Machine m = {};

        assert(filter || n == 0);
        assert(call);

        for (size_t i = 0; i < n; i++) {
                const struct sock_filter *f = filter + i;
                uint32_t distance;

                if (BPF_CLASS(f->code) == BPF_RET)
                        return BPF_RVAL(f->code) == BPF_A ? m.accumulator : f->k;

                if (BPF_CLASS(f->code) == BPF_JMP) {
                        if (!jump(f, &m, &distance))
                                break;
                        i += distance; /* forward only, and so it ends */
                } else if (!step(f, call, &m))
                        break;
        }

        return SECCOMP_RET_KILL_PROCESS;
}
