/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: calls the kernel as 32-bit programs do, whose calls have other numbers
 * Barrier: seccomp
 * Verdict: security-violation
 * Without: --profile=none
 * Needs: x86-64 */

        .globl  _start
_start:
        movl    $20, %eax               /* getpid there, writev here */
        int     $0x80
        xorl    %edi, %edi
        testl   %eax, %eax
        jg      1f
        movl    $1, %edi
1:
        movl    $60, %eax               /* exit */
        syscall

        .section .note.GNU-stack, "", @progbits
