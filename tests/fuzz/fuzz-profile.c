/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: profile/profile-parse.c profile/profile-read.c profile/profile-rule.c profile/profile-compile.c */
#include <linux/audit.h>

#include "filter-evaluate.h"
#include "fuzz.h"
#include "path-call.h"
#include "profile.h"

/* A profile, a NUL, and system calls of eight bytes each: what its filter answers to them. With tracing the answer is the
 * same, except that what is allowed may be reported first. */

static const uint32_t architectures[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0 };

static bool take_call(FuzzInput *i, struct seccomp_data *ret) {
        if (i->size < 8)
                return false;

        *ret = (struct seccomp_data) { .arch = architectures[fuzz_take_byte(i) % ELEMENTSOF(architectures)] };
        ret->nr = fuzz_take_byte(i);
        ret->nr |= (fuzz_take_byte(i) & 0x43) << 8;
        if (ret->nr & 0x4000)
                ret->nr |= 0x40000000; /* x32 */
        for (size_t k = 0; k < 5; k++)
                ret->args[k] = (uint64_t) (int64_t) (int8_t) fuzz_take_byte(i);
        return true;
}

static void check_program(const ProfileProgram *plain, const ProfileProgram *trace, FuzzInput *i) {
        struct seccomp_data call;

        fuzz_assert(plain->n > 0 && plain->n <= PROFILE_PROGRAM_MAX && trace->n <= PROFILE_PROGRAM_MAX);

        while (take_call(i, &call)) {
                uint32_t a = filter_evaluate(plain->filter, plain->n, &call);
                uint32_t b = filter_evaluate(trace->filter, trace->n, &call);

                if (plain->allows_all)
                        fuzz_assert(a == SECCOMP_RET_ALLOW);
                if (!plain->notifies)
                        fuzz_assert((a & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_USER_NOTIF);
                fuzz_assert(a == b || (a == SECCOMP_RET_ALLOW && (b & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(profile_program_done) ProfileProgram plain = PROFILE_PROGRAM_NULL, trace = PROFILE_PROGRAM_NULL;
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_free_ char *text = NULL, *error = NULL;
        FuzzInput i = { data, size };
        size_t n;
        int r;

        text = fuzz_take_string(&i, &n);
        r = profile_parse(text, n, &profile, &error);
        fuzz_assert(IN_SET(r, 0, -EINVAL));
        fuzz_assert((r < 0) == !!error);
        if (r < 0)
                return 0;

        r = profile_compile(profile, 0, &plain);
        fuzz_assert(IN_SET(r, 0, -E2BIG));
        if (r == 0 && profile_compile(profile, PROFILE_TRACE, &trace) == 0)
                check_program(&plain, &trace, &i);
        return 0;
}
