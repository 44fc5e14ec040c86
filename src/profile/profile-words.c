/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The words of the format, and what they stand for. */

#include <linux/seccomp.h>
#include <seccomp.h>

#include "path-call.h"
#include "profile-internal.h"

static const char *const action_type_table[_ACTION_TYPE_MAX] = {
        [ACTION_KILL] = "kill",
        [ACTION_REPORT] = "report",
        [ACTION_TRAP] = "trap",
        [ACTION_ERRNO] = "errno",
        [ACTION_LOG] = "log",
        [ACTION_ALLOW] = "allow",
};

const char *action_type_to_string(ActionType t) {
        return t >= 0 && t < _ACTION_TYPE_MAX ? action_type_table[t] : NULL;
}

int action_from_string(const char *s, Action *ret) {
        static const struct {
                const char *name;
                Action action;
        } names[] = {
                { "SCMP_ACT_ALLOW", { ACTION_ALLOW } },
                { "SCMP_ACT_ERRNO", { ACTION_ERRNO, EPERM } },
                { "SCMP_ACT_LOG", { ACTION_LOG } },
                { "SCMP_ACT_TRAP", { ACTION_TRAP } },
                /* One thread less would leave the others waiting for it until the wall clock ends them. */
                { "SCMP_ACT_KILL", { ACTION_KILL } },
                { "SCMP_ACT_KILL_THREAD", { ACTION_KILL } },
                { "SCMP_ACT_KILL_PROCESS", { ACTION_KILL } },
                /* What the kernel makes of it where no tracer is. A program that traces its child is none. */
                { "SCMP_ACT_TRACE", { ACTION_ERRNO, ENOSYS } },
                { "SCMP_ACT_NOTIFY", { ACTION_REPORT } },
                { "report", { ACTION_REPORT } },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i].name, s)) {
                        *ret = names[i].action;
                        return 0;
                }

        return -EINVAL;
}

uint32_t action_to_return(Action a) {
        switch (a.type) {
        case ACTION_KILL:
                return SECCOMP_RET_KILL_PROCESS;
        case ACTION_REPORT:
                return SECCOMP_RET_USER_NOTIF | FILTER_NOTICE_VIOLATION;
        case ACTION_TRAP:
                return SECCOMP_RET_TRAP;
        case ACTION_ERRNO:
                return SECCOMP_RET_ERRNO | a.error;
        case ACTION_LOG:
                return SECCOMP_RET_LOG;
        case ACTION_ALLOW:
                return SECCOMP_RET_ALLOW;
        default:
                assert(false);
                return SECCOMP_RET_KILL_PROCESS;
        }
}

static const char *const compare_type_table[_COMPARE_TYPE_MAX] = {
        [COMPARE_NE] = "SCMP_CMP_NE",
        [COMPARE_LT] = "SCMP_CMP_LT",
        [COMPARE_LE] = "SCMP_CMP_LE",
        [COMPARE_EQ] = "SCMP_CMP_EQ",
        [COMPARE_GE] = "SCMP_CMP_GE",
        [COMPARE_GT] = "SCMP_CMP_GT",
        [COMPARE_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

CompareType compare_type_from_string(const char *s) {
        for (CompareType t = 0; t < _COMPARE_TYPE_MAX; t++)
                if (streq(compare_type_table[t], s))
                        return t;

        return _COMPARE_TYPE_INVALID;
}

/* What Debian 12's libseccomp does not know yet. The numbers from 424 on are the same for all architectures, and
 * a profile that names these calls means the same on every host. */
static const struct {
        const char *name;
        uint32_t nr;
} late_syscalls[] = {
        { "set_mempolicy_home_node", 450 },
        { "cachestat", 451 },
        { "fchmodat2", 452 },
        { "map_shadow_stack", 453 },
        { "futex_wake", 454 },
        { "futex_wait", 455 },
        { "futex_requeue", 456 },
        { "statmount", 457 },
        { "listmount", 458 },
        { "lsm_get_self_attr", 459 },
        { "lsm_set_self_attr", 460 },
        { "lsm_list_modules", 461 },
        { "mseal", 462 },
        { "setxattrat", 463 },
        { "getxattrat", 464 },
        { "listxattrat", 465 },
        { "removexattrat", 466 },
        { "open_tree_attr", 467 },
        { "file_getattr", 468 },
        { "file_setattr", 469 },
#ifdef __x86_64__
        { "uretprobe", 335 },
        { "uprobe", 336 },
#endif
};

int syscall_from_name(const char *name, uint32_t *ret) {
        int nr;

        nr = seccomp_syscall_resolve_name(name);
        if (nr >= 0) {
                *ret = (uint32_t) nr;
                return 0;
        }

        for (size_t i = 0; i < ELEMENTSOF(late_syscalls); i++)
                if (streq(late_syscalls[i].name, name)) {
                        *ret = late_syscalls[i].nr;
                        return 0;
                }

        return nr == __NR_SCMP_ERROR ? -EINVAL : -ENOENT;
}

char *syscall_to_name(uint32_t nr) {
        char *name;

        name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int) nr);
        if (name)
                return name;

        for (size_t i = 0; i < ELEMENTSOF(late_syscalls); i++)
                if (late_syscalls[i].nr == nr)
                        return strdup(late_syscalls[i].name);

        return strprintf("%" PRIu32, nr);
}

bool architecture_is_known(const char *name) {
        static const char *const names[] = {
                "X86", "X86_64", "X32", "ARM", "AARCH64", "LOONGARCH64", "M68K", "MIPS", "MIPS64", "MIPS64N32",
                "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PARISC", "PARISC64", "PPC", "PPC64", "PPC64LE", "S390",
                "S390X", "RISCV64", "SH", "SHEB",
        };
        const char *s = startswith(name, "SCMP_ARCH_");

        for (size_t i = 0; s && i < ELEMENTSOF(names); i++)
                if (streq(names[i], s))
                        return true;

        return false;
}

bool architecture_is_native(const char *name) {
        static const struct {
                const char *name;
                uint32_t token;
        } names[] = {
                { "amd64", SCMP_ARCH_X86_64 },
                { "arm64", SCMP_ARCH_AARCH64 },
                { "mips64", SCMP_ARCH_MIPS64 },
                { "mips64le", SCMP_ARCH_MIPSEL64 },
                { "ppc64le", SCMP_ARCH_PPC64LE },
                { "riscv64", SCMP_ARCH_RISCV64 },
                { "s390x", SCMP_ARCH_S390X },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i].name, name))
                        return names[i].token == seccomp_arch_native();

        return false;
}
