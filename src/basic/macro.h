/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The handful of macros the whole tree is written with: cleanup on scope exit, ownership transfer and
 * result checks. Everything here is free of side effects on evaluation order: arguments are read once. */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define _cleanup_(f) __attribute__((__cleanup__(f)))
#define _printf_(a, b) __attribute__((__format__(__printf__, a, b)))
#define _unused_ __attribute__((__unused__))
#define _noreturn_ __attribute__((__noreturn__))
#define _sentinel_ __attribute__((__sentinel__))
#define _fallthrough_ __attribute__((__fallthrough__))

#define STRINGIFY_INNER(x) #x
#define STRINGIFY(x) STRINGIFY_INNER(x)

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

#define MIN(a, b)                                                       \
        ({                                                              \
                typeof(a) _min_a = (a);                                 \
                typeof(b) _min_b = (b);                                 \
                _min_a < _min_b ? _min_a : _min_b;                      \
        })
#define MAX(a, b)                                                       \
        ({                                                              \
                typeof(a) _max_a = (a);                                 \
                typeof(b) _max_b = (b);                                 \
                _max_a > _max_b ? _max_a : _max_b;                      \
        })

#define FLAGS_SET(v, flags) (((v) & (flags)) == (flags))

#define IN_SET(x, first, ...)                                           \
        ({                                                              \
                const typeof(first) _set[] = { first, __VA_ARGS__ };    \
                const typeof(first) _x = (x);                           \
                bool _found = false;                                    \
                for (size_t _k = 0; _k < ELEMENTSOF(_set); _k++)        \
                        if (_set[_k] == _x) {                           \
                                _found = true;                          \
                                break;                                  \
                        }                                               \
                _found;                                                 \
        })

/* Asserts that a callback's untyped argument is there, and hands it on. */
#define ASSERT_PTR(expr)                                                \
        ({                                                              \
                typeof(expr) _ptr = (expr);                             \
                assert(_ptr);                                           \
                _ptr;                                                   \
        })

/* Hands the value to somebody else and leaves the null value behind, so that no cleanup touches it. */
#define TAKE_GENERIC(var, type, nullvalue)                              \
        ({                                                              \
                type *_pvar = &(var);                                   \
                type _value = *_pvar;                                   \
                *_pvar = (nullvalue);                                   \
                _value;                                                 \
        })
#define TAKE_PTR(ptr) TAKE_GENERIC(ptr, typeof(ptr), NULL)
#define TAKE_FD(fd) TAKE_GENERIC(fd, int, -EBADF)

/* A system call's "-1 and errno" as the tree's "negative errno". */
static inline int ret_nerrno(int r) {
        return r < 0 ? -errno : r;
}
#define RET_NERRNO(expr) ret_nerrno(expr)

/* For a call that is documented to set errno, but must never lead to "success" when it forgot to. */
static inline int errno_or_else(int fallback) {
        return errno > 0 ? -errno : -abs(fallback);
}

#define DEFINE_TRIVIAL_CLEANUP_FUNC(type, func)                         \
        static inline void func##p(type *p) {                           \
                if (*p)                                                 \
                        *p = func(*p);                                  \
        }

/* For destructors of other libraries that return nothing. */
#define DEFINE_VOID_CLEANUP_FUNC(type, func, name)                      \
        static inline void name(type *p) {                              \
                if (*p) {                                               \
                        func(*p);                                       \
                        *p = NULL;                                      \
                }                                                       \
        }

static inline void freep(void *p) {
        free(*(void **) p);
}
#define _cleanup_free_ _cleanup_(freep)

#define new(t, n) ((t *) reallocarray(NULL, (n), sizeof(t)))
#define new0(t, n) ((t *) calloc((n) ?: 1, sizeof(t)))

static inline void *mfree(void *p) {
        free(p);
        return NULL;
}

/* Restores errno on scope exit: for cleanup handlers and logging. */
static inline void restore_errno(int *saved) {
        errno = *saved;
}
#define PROTECT_ERRNO _cleanup_(restore_errno) _unused_ int _saved_errno_ = errno
