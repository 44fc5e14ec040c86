/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: loads a program into the kernel
 * Barrier: seccomp
 * Verdict: security-violation */
#include "attack.h"
#include <linux/bpf.h>

ATTACK(bpf) {
        struct bpf_insn code[] = { { .code = 0xb7 }, { .code = 0x95 } }; /* r0 = 0; exit */
        union bpf_attr program = {
                .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                .insns = (uint64_t) (uintptr_t) code,
                .insn_cnt = 2,
                .license = (uint64_t) (uintptr_t) "GPL",
        };
        union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };
        bool worked;

        worked = tried("program", syscall(SYS_bpf, BPF_PROG_LOAD, &program, sizeof(program)));
        worked |= tried("map", syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map)));
        return outcome(worked);
}
