/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The system calls that name files, of this machine's own architecture, and what a seccomp filter says when it has
 * one reported. The compiler of profiles and judgebox-init must agree on both. */

#include <linux/audit.h>

#include "macro.h"

/* What the kernel calls this machine's own architecture; its other entries (i386, x32) count differently. */
#if defined(__x86_64__)
#  define AUDIT_ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#  define AUDIT_ARCH_NATIVE AUDIT_ARCH_AARCH64
#else
#  error "What is this architecture's AUDIT_ARCH_*, and does its execve() clear all registers (filter.h)?"
#endif

typedef enum PathClass {
        PATH_READ,  /* opened for reading, or a link's target read */
        PATH_WRITE, /* opened for writing, made, changed, renamed or removed */
        PATH_STAT,  /* asked about */
        PATH_EXEC,
        _PATH_CLASS_MAX,
        _PATH_CLASS_INVALID = -EINVAL,
} PathClass;

const char *path_class_to_string(PathClass c);
PathClass path_class_from_string(const char *s);

typedef enum PathOpen {
        PATH_OPEN_NOT,   /* class says it all */
        PATH_OPEN_FLAGS, /* the argument after the path's has the flags of open(2), which decide */
        PATH_OPEN_HOW,   /* it points to a struct open_how (openat2(2)) */
} PathOpen;

typedef struct PathCall {
        int number;
        PathClass class;
        uint8_t arguments; /* bit i: argument i is a path */
        PathOpen open;
} PathCall;

/* NULL: it takes no path. */
const PathCall *path_call_find(int number);

/* All of them, in no order. */
const PathCall *path_call_table(size_t *ret_n);

/* The class of an open() with these flags. */
PathClass path_class_of_open(uint64_t flags);

/* SECCOMP_RET_DATA of a SECCOMP_RET_USER_NOTIF: why judgebox-init is told. */
typedef enum FilterNotice {
        FILTER_NOTICE_VIOLATION, /* the call is forbidden: the run ends */
        FILTER_NOTICE_TRACE,     /* it is noted, and goes on */
} FilterNotice;
