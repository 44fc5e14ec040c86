/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: becomes a 32-bit program in the midst of a 64-bit one, and calls the kernel from there
 * Barrier: seccomp
 * Verdict: security-violation
 * Needs: x86-64 */

        .globl  _start
_start:
        ljmp    *enter

        .code32
inside:
        movl    $20, %eax               /* getpid */
        int     $0x80
        movl    $1, %ebx
        testl   %eax, %eax
        jle     1f
        xorl    %ebx, %ebx
1:
        movl    $1, %eax                /* exit */
        int     $0x80
        .code64

        .data
enter:
        .long   inside
        .word   0x23                    /* the kernel's 32-bit code segment for programs */

        .section .note.GNU-stack, "", @progbits
