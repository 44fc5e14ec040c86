/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The least that a program can be: it exits. Starting it is the unit that the benchmark counts in. */

#include <sys/syscall.h>

__attribute__((__noreturn__)) void _start(void);

void _start(void) {
        for (;;) {
#if defined(__x86_64__)
                __asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
                register long x8 __asm__("x8") = SYS_exit_group;
                register long x0 __asm__("x0") = 0;

                __asm__ volatile("svc #0" : : "r"(x8), "r"(x0) : "memory");
#else
#  error "How does a program exit on this architecture?"
#endif
        }
}
