/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the filters that are written by hand (set-id-filter.c, truncate-filter.c) are written in: a few instructions
 * for each system call, one call after the other. */

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "macro.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t) offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define FAIL(error) RETURN(SECCOMP_RET_ERRNO | (error))

/* Arguments are 64 bits wide; of these the low half counts. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#  define LOAD_ARGUMENT(i) LOAD(args[i])
#else
#  define LOAD_ARGUMENT(i)                                                                                    \
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t) offsetof(struct seccomp_data, args[i]) + 4)
#endif

/* With the number in the accumulator: so many instructions are skipped if it is another. */
#define IF_NUMBER(nr, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, (skipped))
#define FORBID(nr, error) IF_NUMBER(nr, 1), FAIL(error)
#define MISSING(nr) FORBID(nr, ENOSYS)

#define ONLY_ARCHITECTURE(arch) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (arch), 1, 0), FAIL(ENOSYS)

/* What is not this architecture's own fails; then the number is in the accumulator. The architecture must have been there
 * before, for what is there for others as well. */
#if defined(__x86_64__)
#  define X32_BIT 0x40000000U
#  define BEGIN LOAD(arch)
#  define BEGIN_OWN                                                                                           \
          ONLY_ARCHITECTURE(AUDIT_ARCH_X86_64), LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1), FAIL(ENOSYS)
#elif defined(__aarch64__)
#  define BEGIN LOAD(arch)
#  define BEGIN_OWN ONLY_ARCHITECTURE(AUDIT_ARCH_AARCH64), LOAD(nr)
#else
#  define BEGIN LOAD(nr)
#  define BEGIN_OWN LOAD(nr)
#endif
