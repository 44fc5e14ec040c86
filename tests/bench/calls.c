/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes CALLS system calls that do next to nothing, and exits: what a filter costs each call is its share of the time. */

#include <sys/syscall.h>

#define CALLS 100000

__attribute__((__noreturn__)) void _start(void);

static long call(long number, long argument) {
#if defined(__x86_64__)
        long result;

        __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(argument) : "rcx", "r11", "memory");
        return result;
#elif defined(__aarch64__)
        register long x8 __asm__("x8") = number;
        register long x0 __asm__("x0") = argument;

        __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8) : "memory");
        return x0;
#else
#  error "How does a program make a system call on this architecture?"
#endif
}

void _start(void) {
        for (int i = 0; i < CALLS; i++)
                (void) call(SYS_getppid, 0);

        for (;;)
                (void) call(SYS_exit_group, 0);
}
